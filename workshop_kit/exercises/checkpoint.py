"""Jump to the start of a lesson, for participants who join late, instructors, and tests."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from workshop_kit.errors import WrongUsage
from workshop_kit.exercises.exercise_service import ExerciseService
from workshop_kit.progress import Report
from workshop_kit.workspace import content, course, provision, regions, solutions
from workshop_kit.workspace.content import Backup
from workshop_kit.workspace.course import MY_SERVICE, find_lesson
from workshop_kit.workspace.folder import lesson_copies


@dataclass(frozen=True)
class GotoResult:
    """The result of a jump: the exercises that got the solution, and the replaced files."""

    lesson: str
    solved: tuple[str, ...]
    backup: Backup

    def sentences(self) -> list[str]:
        """Return the result for people, a line each."""
        lines = [f"{self.lesson} is at its start."]
        if self.solved:
            lines.append(f"Solved for you, from earlier lessons: {', '.join(self.solved)}.")
        if self.backup.folder is not None:
            lines.append(f"What you had in the files that changed is in {self.backup.folder}.")
        return lines


def goto(exercise_service: ExerciseService, lesson: str, report: Report) -> GotoResult:
    """Bring workspace and containers to the start of ``lesson`` (as `find_lesson` takes it).

    Earlier lessons: exercises that were not passed get the solution, passed ones stay the participant's. This lesson
    and later ones: notebooks and exercises are fresh. Progress stays. Raises WrongUsage for an unknown lesson.
    """
    name = find_lesson(lesson, exercise_service.root / "notebooks")
    stack = exercise_service.stack()  # without an engine nothing is changed
    arrived = arrange(exercise_service, name)
    provision.remove_everything(stack.session, {"kernel"}, report)
    stack.up(report=report)
    return arrived


def arrange(exercise_service: ExerciseService, lesson: str) -> GotoResult:
    """Bring the files of the workspace to the start of ``lesson``; the containers stay as they are."""
    backup = Backup(exercise_service.workspace)
    for copy in lesson_copies(exercise_service.root):
        if copy.lesson >= lesson and not copy.comes_later:
            content.replace_file(exercise_service.workspace, copy.name, copy.source.read_text(), backup)
    _arrange_service(exercise_service, lesson, backup)
    current = solutions.sources_at(exercise_service.root, lesson)
    solved = []
    for exercise in exercise_service.exercises:
        if exercise.page >= lesson or not exercise.file or exercise_service.progress.exercise(exercise.id).passed_at:
            continue
        if exercise.in_service and current[exercise.file].lesson != exercise.lesson:
            continue  # a later lesson has another file in its place
        if solve(exercise_service, exercise.id, backup):
            solved.append(exercise.id)
    return GotoResult(lesson, tuple(solved), backup)


def _arrange_service(exercise_service: ExerciseService, lesson: str, backup: Backup) -> None:
    """Bring ``my_service/`` to the start of ``lesson``; regions of exercises before it stay the participant's."""
    workspace, files = exercise_service.workspace, solutions.files_at(exercise_service.root, lesson)
    current = solutions.sources_at(exercise_service.root, lesson)
    for name in sorted({*solutions.colleague_files(exercise_service.root, solutions.COLLEAGUE)} - {*files}):
        if (workspace.my_service / name).exists():
            backup.keep(f"{MY_SERVICE}/{name}")
            (workspace.my_service / name).unlink()
    earlier = [exercise.id for exercise in exercise_service.exercises if exercise.page < lesson]
    fresh = [exercise.id for exercise in exercise_service.exercises if exercise.lesson < lesson <= exercise.page]
    for name, solved in files.items():
        path, text, base = f"{MY_SERVICE}/{name}", solved, solved
        if name in current and current[name].ids():
            base = regions.starter(current[name].text)
            text = solutions.with_regions_of(base, solved, fresh)  # a second notebook's exercises are fresh
            mine = (content.current(workspace, path) or b"").decode(errors="replace")
            text = solutions.with_regions_of(mine, text, earlier)
        content.replace_file(workspace, path, text, backup, base=base)


def solve(exercise_service: ExerciseService, identifier: str, backup: Backup | None = None) -> bool:
    """Put the solution into an exercise's files; edited ones are copied to ``backup``. Returns whether any changed."""
    workspace, changed = exercise_service.workspace, False
    for part in exercise_service.find(identifier).parts:
        own = exercise_service.exercise_files(part)
        before, text = content.current(workspace, part.path), own.with_body(own.solution)
        if before == text.encode():
            continue
        if before is not None and not own.is_untouched():
            (backup or Backup(workspace)).keep(part.path)
        content.write(workspace, part.path, text)
        changed = True
    return changed


def fill_in(exercise_service: ExerciseService, lesson: str, cells: Sequence[str]) -> Iterator[str]:
    """Make what these cells (ids) of a lesson would have made: files, and the solutions of untouched exercises.

    Yields a sentence for each. Raises WrongUsage for a cell that makes no file.
    """
    from workshop_kit.workspace import file_cell  # imports IPython, slow for the command line

    notebook = json.loads((exercise_service.root / "notebooks" / f"{lesson}.ipynb").read_text())
    texts = {cell["id"]: "".join(cell["source"]) for cell in notebook["cells"]}
    exercises = {exercise.cell: exercise for exercise in exercise_service.exercises if exercise.file}
    for cell in cells:
        if name := file_cell.file_named(texts.get(cell, "")):
            yield file_cell.write(exercise_service.workspace, name, file_cell.body_of(texts[cell]))
        elif exercise := exercises.get(cell):
            untouched = all(exercise_service.exercise_files(part).is_untouched() for part in exercise.parts)
            if untouched:
                solve(exercise_service, exercise.id)
            yield f"{exercise.path} {'has the solution' if untouched else 'stays as it is'}: {exercise.id}"
        else:
            raise WrongUsage(f"{cell!r} is no cell of {lesson} that makes a file.", "Run `./workshop update`.")


@dataclass
class SolvedFiles:
    """The files of a workspace while a tour runs lessons in order: solved as far as each cell needs them."""

    exercise_service: ExerciseService
    lesson: str = ""

    def before_cell(self, lesson: str, cell: str) -> None:
        """Prepare the files for a cell (an id); at a lesson whose files the last one did not leave, arrange all."""
        if lesson != self.lesson and lesson > solutions.COLLEAGUE and not self._leads_to(lesson):
            arrange(self.exercise_service, lesson)
        self.lesson = lesson
        for exercise in self.exercise_service.exercises:
            if not exercise.file or not (exercise.page < lesson or exercise.cell == cell):
                continue
            # A file of an earlier lesson without its region is already a later lesson's.
            texts = (self.exercise_service.exercise_files(part) for part in exercise.parts)
            replaced = exercise.lesson < lesson and any(own.region() is None for own in texts)
            if not exercise.in_service or not replaced:
                solve(self.exercise_service, exercise.id)

    def _leads_to(self, lesson: str) -> bool:
        """Return whether the last lesson leaves the files that ``lesson`` begins with."""
        if course.MORE.fullmatch(lesson):
            return self.lesson[:2] == lesson[:2]
        return self.lesson != "" and int(lesson[:2]) - int(self.lesson[:2]) == 1


def solved_cells(exercise_service: ExerciseService) -> dict[str, str]:
    """Return the solutions of the exercises in notebooks, by cell id."""
    return {
        one.cell: exercise_service.exercise_files(one).solution for one in exercise_service.exercises if not one.file
    }
