"""The check of config.restore: what a test's environment variables leave behind, inside a container."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from workshop_kit.exercises import service_trial
from workshop_kit.exercises.check_api import CheckResult, Context, check, conclude, found
from workshop_kit.exercises.checks import config_trial
from workshop_kit.exercises.result import Finding
from workshop_kit.progress import Step

INSIDE = Path(__file__).with_name("restoring_inside.py")
RESTORED = {"absent": None, "present": "before"}
LOOK_BACK = "What was there before, for each of the variables? A variable that was not there has no value, not even ''."
SITUATIONS = (
    # name, what was done, what is seen within the block, where to look
    ("plain", "A test that sets a variable which was not there, and one that was", ["within", "within"], LOOK_BACK),
    ("raising", "A test that fails within the block", "came through", "What runs even if a test fails?"),
    ("nested", "A block within a block", ["outer", "outer"], "The inner block restores what it found."),
    ("deleted", "A test that deletes the variables itself", "went on", "What if there is none to remove?"),
)
"""The functions of restoring_inside.py."""


@check("config.restore")
def restore(context: Context) -> CheckResult:
    """Use the participant's context manager in four situations, and let the service read what is left."""
    context.report(Step("Check", None, "running tests that set variables"))
    with service_trial.build(context) as image:
        printed = config_trial.run_inside(context, image, INSIDE)
    if isinstance(printed, CheckResult):
        return printed
    seen = printed if isinstance(printed, dict) else {}
    shown = "After each test, the next one finds the environment as it was."
    return conclude(shown, (_settings(str(seen.get("settings"))), *(_left(seen, *one) for one in SITUATIONS)))


def _settings(said: str) -> Finding:
    return found(
        not said,
        "A test sets HTTP_DRAIN_SECONDS, which is optional; then the service reads its settings",
        said[:200] or "it starts",
        "it starts",
        "After one test, all that follow fail: the variable that was not there is left behind, empty.",
        LOOK_BACK,
    )


def _left(seen: dict[str, Any], name: str, called: str, within: object, look: str) -> Finding:
    row = seen.get(name)
    left = row if isinstance(row, dict) else {}
    after = {key: left.get(key) for key in RESTORED}
    got = f"afterwards {_words(after)}"
    means = "The next test runs in another environment, and you search the wrong test for the mistake."
    if left.get("within") != within:
        got = f"within the block: {left.get('within')}; {got}"
        means = "Within the block things are not as the test asked for, or its failure does not come through."
    passed = after == RESTORED and left.get("within") == within
    return found(passed, called, got[:300], f"afterwards {_words(RESTORED)}", means, look)


def _words(after: dict[str, Any]) -> str:
    absent, present = (after.get(key) for key in RESTORED)
    first = "still not there" if absent is None else f"there, and {absent!r}" if absent else "there, and empty"
    second = "as before" if present == RESTORED["present"] else "gone" if present is None else f"{present!r}"
    return f"the first is {first}, the second {second}"
