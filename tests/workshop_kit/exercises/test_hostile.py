"""Hostile modules: every check ends in time, names the fault, and leaves nothing behind."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import pytest

from tests.workshop_kit.exercises import check_runner
from workshop_kit.engine.stack import Stack
from workshop_kit.exercises.check_api import CheckResult
from workshop_kit.exercises.result import Verdict

pytestmark = [pytest.mark.engine, pytest.mark.alone, pytest.mark.long]  # three hogs at a time

LIMIT_SECONDS = 40.0  # a check aims for half of it; a busy machine takes longer

LOOPS = "while True:\n    pass\n"
PRINTS_ONE_LINE_FOR_EVER = "import sys\nwhile True:\n    sys.stdout.write('x' * 65536)\n"
MEMORY_BOMB = "taken = []\nwhile True:\n    taken.append(bytearray(1024 * 1024))\n"

MODULES = {
    "loops": (LOOPS, "does not listen on port 8080"),
    "prints for ever": (PRINTS_ONE_LINE_FOR_EVER, "does not listen"),
    "exits 0 at once": ("raise SystemExit(0)\n", "exit code 0"),
    "memory bomb": (MEMORY_BOMB, "more than its 256 MiB of memory"),
}


@dataclass(frozen=True)
class Outcome:
    """The result of a check, and how long it took."""

    result: CheckResult
    seconds: float


@pytest.fixture(scope="module")
def outcomes(participant: Stack) -> dict[str, Outcome]:
    """Check all modules, three at a time; none leaves anything behind."""

    def outcome(name: str) -> Outcome:
        started = time.monotonic()
        result = check_runner.judge(participant, "config.env", MODULES[name][0])
        return Outcome(result, time.monotonic() - started)

    with check_runner.leaving_nothing(participant), ThreadPoolExecutor(3) as pool:
        return dict(zip(MODULES, pool.map(outcome, MODULES), strict=True))


@pytest.mark.parametrize("name", MODULES)
def test_a_module_that_does_not_serve_is_named_in_time(outcomes: dict[str, Outcome], name: str) -> None:
    """The check ends in time, with a sentence about this fault and a short tail of its log."""
    outcome, (_, helps) = outcomes[name], MODULES[name]
    assert outcome.seconds < LIMIT_SECONDS
    assert outcome.result.verdict is Verdict.DID_NOT_START
    assert helps in outcome.result.summary
    assert all(finding.means and finding.look for finding in outcome.result.findings)
    assert len(outcome.result.output.encode()) <= 4096
