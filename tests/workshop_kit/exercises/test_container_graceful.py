"""container.graceful: each of the likeliest wrong answers gets a finding of its own."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.workshop_kit.exercises.trying import SEED, leaving_nothing, words
from workshop_kit.engine.stack import Stack
from workshop_kit.exercises import registry
from workshop_kit.workspace import regions
from workshop_kit.exercises.raw_http import Answer, HUNG_UP, NOBODY
from workshop_kit.exercises.checks import CHECKS
from workshop_kit.exercises.checks.container_graceful import Stop, judge
from workshop_kit.exercises.check_api import Context, CheckResult
from workshop_kit.exercises.result import Verdict
from workshop_kit.paths import CHECKOUT

SOLUTIONS = CHECKOUT / "solutions/01_container"
UVICORN = "uvicorn app:app --host 0.0.0.0 --port 8080"
TAKEN, FAILED = Answer(201, 0.1), Answer(500, 0.1)
CUT_OFF, REFUSED = Answer(None, 0.1, failure=HUNG_UP), Answer(None, 0.1, failure=NOBODY)
SERVICE = "/venv/bin/python3 /venv/bin/uvicorn app:app"

WRONG = {
    "the starter": (UVICORN, Stop("sh start.sh", TAKEN, TAKEN, None, 6.0), "Process 1 is a shell, which passes"),
    "no limit": (f"exec {UVICORN}", Stop(SERVICE, TAKEN, REFUSED, None, 6.0), "one client that never sends the rest"),
    "exit in a trap": (
        f"trap 'exit 0' TERM\n{UVICORN} &\nwait",
        Stop("sh start.sh", CUT_OFF, REFUSED, 0, 0.2),
        "ended without an answer, so the order is lost",
    ),
    "one wait": (
        f'{UVICORN} &\ntrap "kill $!" TERM\nwait',
        Stop("sh start.sh", CUT_OFF, REFUSED, 143, 0.2),
        "SIGTERM ended process 1 itself",
    ),
    "too short": (
        f"exec {UVICORN} --timeout-graceful-shutdown 0",
        Stop(SERVICE, FAILED, REFUSED, 0, 0.3),
        "gave up the order that was under way, and answered 500",
    ),
    "a wrapper": (
        f"exec python -c 'import subprocess; subprocess.run(\"{UVICORN}\".split())'",
        Stop("python -c import subprocess", TAKEN, TAKEN, None, 6.0),
        "The service does not hear SIGTERM and goes on taking orders",
    ),
}
"""An answer in start.sh, what was seen of its stop, and the words that name its mistake."""


def judge_script(stack: Stack, folder: Path, body: str) -> CheckResult:
    """Run the check on the solved folder with these lines in start.sh."""
    folder.mkdir()
    for source in SOLUTIONS.iterdir():
        if source.name != "notebook.py":
            (folder / source.name).write_text(regions.solved(source.read_text()))
    script = folder / "start.sh"
    script.write_text(regions.replace(script.read_text(), "container.graceful", body))
    exercise = registry.find(registry.load(CHECKOUT), "container.graceful")
    return CHECKS[exercise.id].check(Context(exercise, stack, SEED, folder=folder))


@pytest.mark.parametrize("name", WRONG)
def test_each_way_to_stop_has_its_words(name: str) -> None:
    """As recorded; an end in time without the order's answer is right for the wrong reason."""
    _, stop, says = WRONG[name]
    judged = judge(stop)
    lucky = stop.code == 0
    assert judged.verdict is (Verdict.LUCKY if lucky else Verdict.WRONG)
    assert says in judged.summary


def test_any_way_to_stop_that_works_passes() -> None:
    """Also a shell as process 1 that passes the signal on and waits for the service."""
    assert judge(Stop("sh start.sh", TAKEN, REFUSED, 0, 3.3)).verdict is Verdict.PASSED


@pytest.mark.parametrize("name", WRONG)
def test_the_first_hint_fits_the_finding(name: str) -> None:
    """A finding that leads to another cure has another first hint."""
    exercise = registry.find(registry.load(CHECKOUT), "container.graceful")
    wrong = next(finding for finding in judge(WRONG[name][1]).findings if not finding.passed)
    hints = [hint for said, hint in exercise.first_hints.items() if said in wrong.means]
    assert len(hints) == (name != "a wrapper")


@pytest.mark.engine
def test_a_client_that_never_finishes_is_told(stack: Stack, tmp_path: Path) -> None:
    """On a real container, which is gone afterwards."""
    with leaving_nothing(stack):
        judged = judge_script(stack, tmp_path / "my_service", WRONG["no limit"][0])
    assert [finding.passed for finding in judged.findings] == [True, False]
    assert WRONG["no limit"][2] in judged.summary


@pytest.mark.long
@pytest.mark.engine
@pytest.mark.parametrize("name", WRONG)
def test_each_wrong_answer_is_told(stack: Stack, tmp_path: Path, name: str) -> None:
    """All of them, built."""
    body, _, says = WRONG[name]
    assert says in words(judge_script(stack, tmp_path / "my_service", body))


ENDLESS = "trap 'while :; do echo stopping; done' TERM\n"


@pytest.mark.long
@pytest.mark.engine
@pytest.mark.parametrize(
    ("body", "says"),
    [
        pytest.param(f"{ENDLESS}{UVICORN} &\nwait", "137", id="prints for ever when told to stop"),
        pytest.param("while :; do :; done", "nobody", id="loops"),
        pytest.param("exit 0", "exit code 0", id="exits at once"),
        pytest.param("exec unicorn app:app", "unicorn", id="no such program"),
        pytest.param("if true", "Syntax error", id="syntax error"),
    ],
)
def test_a_script_that_misbehaves_is_told_in_time(stack: Stack, tmp_path: Path, body: str, says: str) -> None:
    """It ends with a sentence about this very fault, and nothing is left."""
    with leaving_nothing(stack):
        judged = judge_script(stack, tmp_path / "my_service", body)
    assert judged.verdict in {Verdict.WRONG, Verdict.DID_NOT_START}
    assert says in words(judged)
