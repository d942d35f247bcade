"""The check of checkpoint.py: every way to lose lines or to have them twice is seen, and what is right passes."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.workshop_kit.learn.exercise import trying
from workshop_kit.engine import cleanup, reach
from workshop_kit.engine.stack import Stack
from workshop_kit.learn import ready
from workshop_kit.learn.exercise import regions
from workshop_kit.learn.exercise.result import Verdict
from workshop_kit.learn.workspace import Workspace

pytestmark = [pytest.mark.engine, pytest.mark.timeout(300)]

LESSON, FILE, ID = "03_logging", "checkpoint.py", "logging.collector"

TAKE = """
    def take(self, container, position, lines):
        for part, some in lines.items():
            self.lines.setdefault(part, []).extend(some)
        self.positions[container] = position
"""
NAMED = 'self.folder / PARTS / f"{self.generation + 1:012d}~{self.spool}~{part}"'
WRITE = f"for part, lines in self.lines.items(): write_safely({NAMED}, lines)"

WRONG = {
    "the checkpoint first": f"""{TAKE}
    def commit(self):
        self.generation += 1
        save(self)
        self.generation -= 1
        {WRITE}
        self.generation += 1
        self.lines = {{}}
""",
    "the position in memory only": f"""{TAKE}
    def commit(self):
        positions, self.positions = self.positions, {{}}
        {WRITE}
        self.generation += 1
        save(self)
        self.positions, self.lines = positions, {{}}
""",
    "always the same generation": f"""{TAKE}
    def commit(self):
        {WRITE}
        save(self)
        self.lines = {{}}
""",
    "lines are kept": f"""{TAKE}
    def commit(self):
        {WRITE}
        self.generation += 1
        save(self)
""",
    "it fails": f"""{TAKE}
    def commit(self):
        raise OSError("the disk is gone")
""",
    "it hangs": f"""{TAKE}
    def commit(self):
        while True:
            pass
""",
    "nothing": "\n",
}


@pytest.fixture(scope="module")
def stack(images: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A participant's stack, of which nothing is up: the check needs none of it."""
    workspace = Workspace.open(tmp_path_factory.mktemp("checkpoint") / "workspace")
    session = ready.session_of(workspace, reach.connect())
    yield ready.stack_of(workspace, session)
    assert cleanup.remove(session, {"kernel", "workspace"}).left == []


def test_the_collector_of_the_stack_has_the_solution(root: Path) -> None:
    """What the workshop runs is what it teaches: the image's module is the solution, to the letter of its code."""
    solved = regions.solved(trying.marked(root, FILE, LESSON))
    assert regions.same_code(solved, (root / "images" / "collector" / FILE).read_text())


@pytest.mark.parametrize("slip", WRONG)
def test_every_slip_is_seen(stack: Stack, root: Path, slip: str) -> None:
    """Each has its symptom, or is said not to collect at all; none passes, none takes longer than half a minute."""
    text = trying.with_region(root, FILE, ID, WRONG[slip], LESSON)
    started = time.monotonic()
    judged = trying.judge(stack, ID, text)
    assert judged.ruling in {Verdict.WRONG, Verdict.DID_NOT_START}, judged
    assert [finding.means for finding in judged.findings if not finding.passed]
    assert time.monotonic() - started < 60


def test_the_solution_passes_and_leaves_nothing(stack: Stack, root: Path) -> None:
    """Every line is there once, and everything that the check made is gone."""
    with trying.leaving_nothing(stack):
        judged = trying.judge(stack, ID, regions.solved(trying.marked(root, FILE, LESSON)))
    assert judged.ruling is Verdict.PASSED, judged
    assert [finding.got for finding in judged.findings] == ["0 lost, 0 twice"] * 2
