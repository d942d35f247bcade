"""How long one waits for the check of a service exercise: laid over, started, judged from outside, removed."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from benchmarks._rows import Row, median_seconds, show
from workshop_kit.engine import cleanup, reach
from workshop_kit.engine.stack import Stack
from workshop_kit.learn import ready
from workshop_kit.learn.exercise import regions, registry
from workshop_kit.learn.exercise.checks import CHECKS
from workshop_kit.learn.exercise.judging import Context
from workshop_kit.learn.exercise.registry import Exercise
from workshop_kit.learn.exercise.result import Verdict
from workshop_kit.learn.workspace import Workspace

ROOT = Path(__file__).resolve().parents[1]
RUNS = 11
SEED = 1


def of_exercise(stack: Stack, exercise: Exercise) -> Row:
    """The check of one exercise on its solution, which has to pass every time."""
    source = (ROOT / "solutions" / exercise.lesson / exercise.source).read_text()
    context = Context(exercise, stack, SEED, {exercise.source: regions.solved(source)})

    def work() -> None:
        judged = CHECKS[exercise.id].check(context)
        assert judged.ruling is Verdict.PASSED, judged

    return Row(f"check of {exercise.id}, solved", median_seconds(work, RUNS), RUNS, "≤ 1.5 s")


def main() -> None:
    """Measure every service exercise in a workspace of its own, and leave nothing behind."""
    os.environ.setdefault("NO_PROXY", "127.0.0.1")
    with tempfile.TemporaryDirectory() as folder:
        workspace = Workspace.open(Path(folder) / "workspace")
        session = ready.session_of(workspace, reach.connect())
        stack = ready.stack_of(workspace, session)
        try:
            stack.up()
            mine = [exercise for exercise in registry.load(ROOT) if exercise.file]
            show([of_exercise(stack, exercise) for exercise in mine])
        finally:
            cleanup.remove(session, {"kernel", "workspace"})


if __name__ == "__main__":
    main()
