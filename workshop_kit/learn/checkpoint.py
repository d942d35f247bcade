"""Jump to the start of a lesson: the same code for a participant who joins late, an instructor, and the tests."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from workshop_kit.engine.stack import Stack
from workshop_kit.learn import content, ready
from workshop_kit.learn.exercise.desk import Desk
from workshop_kit.learn.names import find_lesson
from workshop_kit.learn.workspace import lesson_copies
from workshop_kit.progress import Report, silent


@dataclass(frozen=True)
class Arrived:
    """What a jump did: which exercises got the reference solution, and where what was replaced is kept (or None)."""

    lesson: str
    solved: tuple[str, ...]
    aside: Path | None

    def sentences(self) -> list[str]:
        """The same for people, a line each."""
        lines = [f"{self.lesson} is at its start."]
        if self.solved:
            lines.append(f"Solved for you, from earlier lessons: {', '.join(self.solved)}.")
        if self.aside is not None:
            lines.append(f"What you had in the files that changed is in {self.aside}.")
        return lines


def goto(desk: Desk, lesson: str, stack: Stack, report: Report = silent) -> Arrived:
    """Bring workspace and containers to the start of ``lesson`` (as `find_lesson` takes it).

    Earlier lessons: exercises that were not passed get the reference, passed ones stay the participant's. This lesson
    and later ones: notebooks and exercises are fresh. Progress is not touched. Raises WrongUsage for no such lesson.
    """
    name = find_lesson(lesson, desk.root / "notebooks")
    arrived = arrange(desk, name)
    ready.remove_everything(stack.session, {"kernel"}, report)
    stack.up(report=report)
    return arrived


def arrange(desk: Desk, lesson: str) -> Arrived:
    """Bring the files of the workspace to the start of ``lesson``; the containers stay as they are."""
    later = [copy for copy in lesson_copies(desk.root) if copy.lesson >= lesson]
    aside = content.start_over(desk.workspace, later)
    earlier = [exercise.id for exercise in desk.exercises if exercise.lesson < lesson and exercise.file]
    open_ones = [name for name in earlier if desk.progress.exercise(name).passed_at is None]
    solved = []
    for identifier in open_ones:
        changed, aside = solve(desk, identifier, aside)
        solved += [identifier] if changed else []
    return Arrived(lesson, tuple(solved), aside)


def solve(desk: Desk, identifier: str, aside: Path | None = None) -> tuple[bool, Path | None]:
    """Put the reference into an exercise's place in the workspace; keep what stood there in the folder ``aside``.

    Returns whether anything changed, and the folder.
    """
    changed = False
    for part in desk.find(identifier).parts:
        texts = desk.texts(part)
        path = desk.workspace.folder / texts.name
        before = path.read_bytes() if path.exists() else b""
        text = texts.with_body(texts.solution)
        if before == text.encode():
            continue
        if path.exists() and (not texts.is_untouched() or aside is not None):
            aside = content.keep_aside(desk.workspace, texts.name, aside)
        content.write(desk.workspace, texts.name, text)
        changed = True
    return changed, aside


def solve_until(desk: Desk, lesson: str, cell: str) -> None:
    """Put the reference into the files of all exercises before ``lesson``, and into that of its ``cell`` (an id)."""
    for exercise in desk.exercises:
        if exercise.file and (exercise.lesson < lesson or exercise.cell == cell):
            solve(desk, exercise.id)


def solved_cells(desk: Desk) -> dict[str, str]:
    """Return the references of the exercises that are done in a notebook, by cell id."""
    return {one.cell: desk.texts(one).solution for one in desk.exercises if not one.file}
