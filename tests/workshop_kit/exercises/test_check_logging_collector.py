"""The check of checkpoint.py: every way to lose lines or to have them twice is seen."""

from __future__ import annotations

import pytest

from tests.workshop_kit.exercises import trying
from workshop_kit.engine.stack import Stack
from workshop_kit.exercises.checks import logging_collector
from workshop_kit.exercises.checks.logging_collector import Count
from workshop_kit.exercises.result import Verdict

TAKE = """
    def take(self, container, position, lines):
        for part, some in lines.items():
            self.lines.setdefault(part, []).extend(some)
        self.positions[container] = position
"""
NAMED = 'self.folder / PARTS / f"{self.generation + 1:012d}~{self.spool}~{part}"'
WRITE = f"for part, lines in self.lines.items(): write_safely({NAMED}, lines)"
CHECKPOINT_FIRST = f"""{TAKE}
    def commit(self):
        self.generation += 1
        save(self)
        self.generation -= 1
        {WRITE}
        self.generation += 1
        self.lines = {{}}
"""


@pytest.mark.parametrize(
    ("count", "says"),
    [
        (Count(0, 0, 2), ""),
        (Count(3, 0, 2), logging_collector.LOST),
        (Count(0, 4, 2), logging_collector.TWICE),
        (Count(3, 4, 2), logging_collector.LOST),
    ],
)
def test_what_became_of_the_lines_is_told(count: Count, says: str) -> None:
    """A line that is lost weighs more than one that came twice."""
    finding = logging_collector._finding(count, "kill -9")
    assert (finding.passed, finding.means) == (not says, says)
    assert finding.got == f"{count.lost} lost, {count.twice} twice"


@pytest.mark.long
@pytest.mark.engine
def test_a_checkpoint_that_comes_first_is_seen(participant: Stack) -> None:
    """The promise before the lines: on a real collector that is killed."""
    judged = trying.judge_region(participant, "logging.collector", CHECKPOINT_FIRST)
    assert judged.verdict is Verdict.WRONG, judged
    assert logging_collector.LOST in trying.words(judged)
