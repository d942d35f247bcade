"""The check of lesson 02 on restoring.py: what a test's variables leave behind, inside a container."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from workshop_kit.exercises import service_trial
from workshop_kit.exercises.checks import config_look
from workshop_kit.exercises.check_api import Context, CheckResult, check, found
from workshop_kit.exercises.result import Finding
from workshop_kit.progress import Step

INSIDE = Path(__file__).with_name("config_restore_inside.py")
SET, RESTORED = ["within", "within"], {"absent": None, "present": "before"}
LOOK_BACK = "What was there before, for each of the variables? A variable that was not there has no value, not even ''."


@check("config.restore")
def restore(context: Context) -> CheckResult:
    """Use the participant's context manager in four situations, and let the service look at what is left."""
    context.report(Step("Check", None, "running tests that set variables"))
    with service_trial.built(context) as image:
        seen = config_look.told(context, image, INSIDE)
    if isinstance(seen, CheckResult):
        return seen
    seen = seen if isinstance(seen, dict) else {}
    findings = (
        _settings(str(seen.get("settings"))),
        _left(seen, "plain", "A test that sets a variable which was not there, and one that was", SET, LOOK_BACK),
        _left(seen, "raising", "A test that fails within the block", "came through", "What runs even if a test fails?"),
        _left(seen, "nested", "A block within a block", ["outer", "outer"], "The inner block restores what it found."),
        _left(
            seen, "deleted", "A test that deletes the variables itself", "went on", "What if there is none to remove?"
        ),
    )
    if all(finding.passed for finding in findings):
        return CheckResult(
            "Whatever a test does with its variables, the next one finds the environment as it was.", findings
        )
    return CheckResult(next(finding.means for finding in findings if not finding.passed), findings)


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
    told = seen.get(name)
    left = told if isinstance(told, dict) else {}
    after = {key: left.get(key) for key in RESTORED}
    fine = left.get("within") == within
    words = (
        f"afterwards {_words(after)}" if fine else f"within the block: {left.get('within')}; afterwards {_words(after)}"
    )
    means = "Whoever runs the next test runs it in another environment, and searches the wrong test for the mistake."
    if not fine:
        means = "Within the block things are not as the test asked for, or its failure does not come through."
    return found(after == RESTORED and fine, called, words[:300], f"afterwards {_words(RESTORED)}", means, look)


def _words(after: dict[str, Any]) -> str:
    absent, present = (after.get(key) for key in RESTORED)
    first = "still not there" if absent is None else f"there, and {absent!r}" if absent else "there, and empty"
    second = "as before" if present == RESTORED["present"] else "gone" if present is None else f"{present!r}"
    return f"the first is {first}, the second {second}"
