"""How long one waits for a check: of a file laid over the service and judged from outside, of a notebook's answer."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from benchmarks._rows import Row, median_seconds, show
from workshop_kit.engine import cleanup, reach
from workshop_kit.engine.stack import Stack
from workshop_kit.learn import ready
from workshop_kit.learn.exercise import regions
from workshop_kit.learn.exercise.checks import CHECKS
from workshop_kit.learn.exercise.desk import Desk
from workshop_kit.learn.exercise.judging import Context
from workshop_kit.learn.exercise.registry import Exercise
from workshop_kit.learn.exercise.result import Verdict
from workshop_kit.learn.workspace import Workspace
from workshop_kit.observe import layers

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


def of_answer(desk: Desk, identifier: str, value: object) -> Row:
    """The check of an exercise in the notebook, with the right answer handed in."""
    desk.hand_in(identifier, value, "solved")

    def work() -> None:
        result = desk.check(identifier)
        assert result.passed, result

    return Row(f"check of {identifier}, solved", median_seconds(work, RUNS), RUNS, "≤ 0.3 s")


def hidden_bytes(desk: Desk) -> dict[str, object]:
    """The right answer to container.layer."""
    subject = desk.subject("container.layer")
    assert subject is not None
    files = layers.files(desk.stack().session.engine, subject.names["image"])
    hidden = files[~files.visible]
    return {"instruction": hidden.instruction.iloc[0], "hidden_bytes": hidden.size_bytes.sum()}


def lost_files(desk: Desk) -> list[str]:
    """The right answer to container.loss."""
    subject = desk.subject("container.loss")
    assert subject is not None
    assert subject.running is not None
    look = ("find", "/srv", "/var/log", "/tmp", "-type", "f", "-newer", "/proc/1")
    return subject.running.exec(*look).output.split()


def main() -> None:
    """Measure every exercise in a workspace of its own, and leave nothing behind."""
    os.environ.setdefault("NO_PROXY", "127.0.0.1")
    with tempfile.TemporaryDirectory() as folder:
        workspace = Workspace.open(Path(folder) / "workspace")
        session = ready.session_of(workspace, reach.connect())
        stack = ready.stack_of(workspace, session)
        try:
            stack.up()
            desk = Desk.of(workspace, lambda: stack)
            rows = [of_exercise(stack, exercise) for exercise in desk.exercises if exercise.file]
            rows.append(of_answer(desk, "container.layer", hidden_bytes(desk)))
            rows.append(of_answer(desk, "container.loss", lost_files(desk)))
            show(rows)
        finally:
            cleanup.remove(session, {"kernel", "workspace"})


if __name__ == "__main__":
    main()
