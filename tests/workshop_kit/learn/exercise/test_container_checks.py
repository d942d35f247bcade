"""The checks of lesson 01 on a running service: two-sided, and able to tell apart how one is wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.workshop_kit.learn.exercise import trying
from workshop_kit.engine.stack import Stack
from workshop_kit.learn.exercise import regions
from workshop_kit.learn.exercise.checks import container_limits
from workshop_kit.learn.exercise.result import Verdict

pytestmark = pytest.mark.engine

GRACEFUL, LIMITS = ("container.graceful", "__main__.py"), ("container.limits", "limits.yaml")


@pytest.mark.parametrize(("identifier", "name"), [GRACEFUL, LIMITS])
def test_the_solution_passes_and_leaves_nothing(participant: Stack, root: Path, identifier: str, name: str) -> None:
    """What it makes on the way is gone. (tests/lessons/test_two_sides.py has each of them pass twice in a row.)"""
    with trying.leaving_nothing(participant):
        judged = trying.judge(participant, identifier, regions.solved(trying.marked(root, name)))
    assert judged.ruling is Verdict.PASSED, judged


@pytest.mark.parametrize("seed", range(5))
def test_the_solution_of_the_limits_passes_whoever_asks(participant: Stack, root: Path, seed: int) -> None:
    """The task's numbers differ from one participant to the next."""
    solved = regions.solved(trying.marked(root, "limits.yaml"))
    assert trying.judge(participant, "container.limits", solved, seed).ruling is Verdict.PASSED


def test_the_services_own_module_passes(participant: Stack, root: Path) -> None:
    """What we ask of a participant, the service does itself."""
    own = (root / "workshop_app" / "__main__.py").read_text()
    judged = trying.judge(participant, "container.graceful", own)
    assert judged.ruling is Verdict.PASSED, judged


@pytest.mark.parametrize(
    ("exercise", "symptom"),
    [
        (GRACEFUL, "A customer's order that was under way was cut off, and the engine had to kill it: exit code 137."),
        (LIMITS, "MiB, and nobody stopped it"),
    ],
)
def test_the_starter_fails_with_its_symptom(
    participant: Stack, root: Path, exercise: tuple[str, str], symptom: str
) -> None:
    """It runs, and it is wrong in the way people are wrong."""
    identifier, name = exercise
    judged = trying.judge(participant, identifier, regions.starter(trying.marked(root, name)))
    assert judged.ruling is Verdict.WRONG, judged
    assert symptom in judged.summary


ONLY_LEAVES = "    loop.add_signal_handler(signal.SIGTERM, lambda: setattr(web, 'should_exit', True))\n"
ONLY_DRAINS = "    loop.add_signal_handler(signal.SIGTERM, lambda: setattr(service.state, 'draining', True))\n"
TOO_LATE = """
    def drain():
        service.state.draining = True
        loop.call_later(30, lambda: setattr(web, "should_exit", True))
    loop.add_signal_handler(signal.SIGTERM, drain)
"""
EXITS_AT_ONCE = "    loop.add_signal_handler(signal.SIGTERM, lambda: os._exit(0))\n"
EXITS_BY_EXCEPTION = "    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))\n"
CRASHES = "    signal.signal(signal.SIGTERM, lambda *_: sys.exit(3))\n"


@pytest.mark.parametrize(
    ("body", "verdict", "says"),
    [
        pytest.param(ONLY_LEAVES, Verdict.WRONG, "shut the door", id="does not say so first"),
        pytest.param(ONLY_DRAINS, Verdict.WRONG, "137", id="never ends"),
        pytest.param(TOO_LATE, Verdict.WRONG, "137", id="ends too late"),
        pytest.param(EXITS_AT_ONCE, Verdict.LUCKY, "dropping everything", id="drops everything"),
    ],
)
def test_half_a_solution_is_told_what_it_lacks(
    participant: Stack, root: Path, body: str, verdict: Verdict, says: str
) -> None:
    """Exit code 0 in time is not enough, and neither is a 503."""
    text = trying.with_region(root, "__main__.py", "container.graceful", body)
    judged = trying.judge(participant, "container.graceful", text)
    assert judged.ruling is verdict, judged
    assert any(says in words for words in (judged.summary, *(finding.means for finding in judged.findings))), judged


@pytest.mark.parametrize("body", [EXITS_BY_EXCEPTION, CRASHES, ""], ids=["exits", "crashes", "region emptied"])
def test_an_exception_in_the_handler_cuts_customers_off(participant: Stack, root: Path, body: str) -> None:
    """Where it is raised, and so what else comes of it, is a matter of luck; the customer's loss is not."""
    text = trying.with_region(root, "__main__.py", "container.graceful", body)
    judged = trying.judge(participant, "container.graceful", text)
    assert judged.ruling in {Verdict.LUCKY, Verdict.WRONG}, judged
    assert any("cut off" in finding.means for finding in judged.findings), judged


@pytest.mark.parametrize(
    ("body", "verdict", "says"),
    [
        pytest.param("", Verdict.WRONG, "nobody stopped it", id="nothing"),
        pytest.param("    mem_limit: 96m\n    cpus: 0.5\n", Verdict.WRONG, "fork bomb", id="no processes"),
        pytest.param("    mem_limit: 96m\n    pids_limit: 40\n", Verdict.WRONG, "busy loops", id="no cores"),
        pytest.param(
            "    mem_limit: 200m\n    cpus: 0.5\n    pids_limit: 40\n", Verdict.WRONG, "may use 200 MiB", id="too much"
        ),
        pytest.param("    mem_limit: 20m\n", Verdict.DID_NOT_START, "more than its 20 MiB", id="too little memory"),
        pytest.param("    mem_limit: 1m\n", Verdict.DID_NOT_START, "inimum memory limit", id="refused"),
        pytest.param("    pids_limit: 2\n", Verdict.WRONG, "no room to try", id="too few processes"),
        pytest.param("    memory: 96m\n", Verdict.NOT_READABLE, "'memory'", id="another key"),
    ],
)
def test_limits_that_do_not_do_are_told_apart(
    participant: Stack, root: Path, body: str, verdict: Verdict, says: str
) -> None:
    """None, too much, too little, and what the engine or compose would not take."""
    text = trying.with_region(root, "limits.yaml", "container.limits", body)
    judged = trying.judge(participant, "container.limits", text)
    assert judged.ruling is verdict, judged
    assert says in judged.summary


def test_what_came_instead_of_the_trial_is_told(participant: Stack, root: Path) -> None:
    """No second process can be started: that is what the finding says, not only that there was no room."""
    text = trying.with_region(root, "limits.yaml", "container.limits", "    pids_limit: 2\n")
    judged = trying.judge(participant, "container.limits", text)
    assert judged.findings[0].got == "it ended with 1: BlockingIOError: [Errno 11] Resource temporarily unavailable"


def test_one_try_that_is_cut_off_is_not_the_participants_fault(
    participant: Stack, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The engine loses what a command says now and then, or memory ends just there: it is tried once more."""
    program, tries = container_limits.INSIDE, []

    class CutOffOnce:
        def read_text(self) -> str:
            tries.append(1)
            return program.read_text() if len(tries) > 1 else "print('{')"

    monkeypatch.setattr(container_limits, "INSIDE", CutOffOnce())
    judged = trying.judge(participant, "container.limits", regions.solved(trying.marked(root, "limits.yaml")))
    assert (judged.ruling, len(tries)) == (Verdict.PASSED, 2), judged


def test_the_numbers_of_the_task_come_from_the_seed() -> None:
    """The same for the same seed, and not the same for everybody."""
    assert container_limits.given(3) == container_limits.given(3)
    assert len({tuple(container_limits.given(seed).values()) for seed in range(30)}) > 10
