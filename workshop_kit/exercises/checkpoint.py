"""Jump to the start of a lesson, for participants who join late, instructors, and tests."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass

from workshop_kit import provision
from workshop_kit.errors import WrongUsage
from workshop_kit.exercises.exercise_service import ExerciseService
from workshop_kit.files import write_atomically
from workshop_kit.reporting import Report
from workshop_kit.workspace import content, course, naive_copy, regions, solutions
from workshop_kit.workspace.content import Backup
from workshop_kit.workspace.course import find_lesson
from workshop_kit.workspace.folder import Workspace, lesson_copies
from workshop_kit.workspace.regions import FileStage
from workshop_kit.workspace.registry import Exercise
from workshop_kit.workspace.solutions import Source

COLLEAGUE_PASSWORD = "tea4Two!Kyoto19"  # noqa: S105 - lesson 02 finds it in an image; it is in compose.yaml, too


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
    """Bring workspace and containers to the start of ``lesson``, a name or a part of it (see `find_lesson`).

    In earlier lessons, exercises that were not passed get the solution; passed ones stay as they are. Notebooks and
    exercises of this lesson and of later ones are fresh. Progress stays. Raises WrongUsage for an unknown lesson.
    """
    name = find_lesson(lesson, exercise_service.root / "notebooks")
    stack = exercise_service.stack()  # first: without an engine it raises, and nothing is changed
    result = arrange(exercise_service, name)
    provision.remove_everything(stack.session, {"kernel"}, report)
    stack.up(report=report)
    return result


def arrange(exercise_service: ExerciseService, lesson: str) -> GotoResult:
    """Bring the files of the workspace to the start of ``lesson``; the containers stay as they are."""
    workspace = exercise_service.workspace
    exercises = exercise_service.exercises
    backup = Backup(workspace)
    naive_copy.put_all_back(workspace, exercise_service.root)
    own_ids = {exercise.id for exercise in exercises if _is_own_solution(exercise_service, exercise)}

    for copy in lesson_copies(exercise_service.root):
        if copy.lesson >= lesson:
            content.replace_file(workspace, copy.name, copy.source.read_text(), backup)
    _arrange_service(exercise_service, lesson, backup)
    solved_ids = list(_solve_earlier(exercise_service, lesson, backup))

    earlier_exercises = [exercise for exercise in exercises if exercise.page < lesson]
    reference_ids = {exercise.id for exercise in earlier_exercises if exercise_service.has_solution(exercise)}
    exercise_service.progress.note_references(reference_ids - own_ids)
    return GotoResult(lesson, tuple(solved_ids), backup)


def _solve_earlier(exercise_service: ExerciseService, lesson: str, backup: Backup) -> Iterator[str]:
    """Put the solution into exercises before ``lesson`` that are not passed; yield the ids of the changed ones."""
    regions_at_start = {
        (source.path, name)
        for source, stage in solutions.sources_at(exercise_service.root, lesson).items()
        for name in regions.ids(source.at(stage))
    }

    for exercise in exercise_service.exercises:
        if exercise.page >= lesson or not exercise.file:
            continue
        if exercise_service.progress.exercise(exercise.id).passed_at:
            continue

        parts = exercise.parts
        if exercise.in_service:  # a later step may have replaced the exercise's lines in some of its files
            parts = tuple(part for part in parts if (part.path, exercise.id) in regions_at_start)
        if _solve_parts(exercise_service, parts, backup):
            yield exercise.id


def _is_own_solution(exercise_service: ExerciseService, exercise: Exercise) -> bool:
    """Return whether an exercise has the reference, and the participant put it there, not a jump."""
    is_noted = exercise_service.progress.exercise(exercise.id).is_reference
    return not is_noted and exercise_service.has_solution(exercise)


def _arrange_service(exercise_service: ExerciseService, lesson: str, backup: Backup) -> None:
    """Bring ``my_service/`` and the tools to the start of ``lesson``.

    The regions of exercises before the lesson stay the participant's.
    """
    stages = solutions.sources_at(exercise_service.root, lesson)
    _remove_later_files(exercise_service, stages, backup)
    for source, stage in stages.items():
        _bring_to_stage(exercise_service, lesson, source, stage, backup)

    if lesson <= solutions.FIRST:
        _bring_first_files(exercise_service, backup)
    if any(source.file == solutions.TOOLS for source in stages):
        _bring_password(exercise_service.workspace)


def _remove_later_files(exercise_service: ExerciseService, sources: Collection[Source], backup: Backup) -> None:
    """Remove the participant's files that are not made from ``sources``; those of the first lesson stay."""
    workspace = exercise_service.workspace
    for source in solutions.service_sources(exercise_service.root):
        path = workspace.folder / source.path
        if source not in sources and source.lesson != solutions.FIRST and path.exists():
            backup.keep(source.path)
            path.unlink()
            solutions.record_stage(workspace.folder, source.path, None)


def _bring_to_stage(
    exercise_service: ExerciseService, lesson: str, source: Source, stage: FileStage, backup: Backup
) -> None:
    """Write a participant's file as it is at a stage, at the start of ``lesson``.

    Exercises of earlier notebooks stay the participant's; those of a later second notebook are fresh.
    """
    workspace = exercise_service.workspace
    exercises = exercise_service.exercises
    earlier_ids = [exercise.id for exercise in exercises if exercise.page < lesson]
    fresh_ids = [exercise.id for exercise in exercises if exercise.lesson < lesson <= exercise.page]

    marked = source.at(stage)
    base = regions.starter(marked)
    mine = (content.read_current(workspace, source.path) or b"").decode(errors="replace")
    text = solutions.keep_regions(base, regions.solved(marked), fresh_ids)
    text = solutions.keep_regions(mine, text, earlier_ids)
    content.replace_file(workspace, source.path, text, backup, base=base)
    solutions.record_stage(workspace.folder, source.path, stage)


def _bring_first_files(exercise_service: ExerciseService, backup: Backup) -> None:
    """Bring the files of ``my_service/`` that a new workspace has."""
    workspace = exercise_service.workspace
    for source in solutions.service_sources(exercise_service.root):
        if source.lesson == solutions.FIRST:
            first_stage = source.stages[0]
            text = regions.starter(source.at(first_stage))
            content.replace_file(workspace, source.path, text, backup)
            solutions.record_stage(workspace.folder, source.path, first_stage)


def _bring_password(workspace: Workspace) -> None:
    """Write the secret file that a cell of lesson 02 makes, unless it is there; the user of a container reads it."""
    path = workspace.my_service / "secrets" / "password"
    if not path.exists():
        write_atomically(path, COLLEAGUE_PASSWORD.encode())
        path.chmod(0o644)


def solve(exercise_service: ExerciseService, identifier: str) -> bool:
    """Put the solution into an exercise's files; return whether any changed. Edited files are copied to ``kept/``."""
    parts = exercise_service.find(identifier).parts
    return _solve_parts(exercise_service, parts, Backup(exercise_service.workspace))


def _solve_parts(exercise_service: ExerciseService, parts: Iterable[Exercise], backup: Backup) -> bool:
    """Put the solution into some files of an exercise; return whether any changed.

    Edited files are copied to ``backup``.
    """
    workspace = exercise_service.workspace
    has_changed = False
    for part in parts:
        files = exercise_service.exercise_files(part)
        content_before = content.read_current(workspace, part.path)
        text = files.text_with_body(files.solution)
        if content_before == text.encode():
            continue

        if content_before is not None and not files.is_untouched():
            backup.keep(part.path)
        content.write(workspace, part.path, text)
        has_changed = True

    return has_changed


def fill_in(exercise_service: ExerciseService, lesson: str, cells: Sequence[str]) -> Iterator[str]:
    """Make the files of these cells (ids) of a lesson, which were not run, and solve their untouched exercises.

    Yields a sentence for each. Raises WrongUsage for a cell that makes no file.
    """
    from workshop_kit.workspace import file_cell  # imports IPython, slow for the command line

    notebook = exercise_service.root / "notebooks" / f"{lesson}.ipynb"
    texts = {cell["id"]: cell["source"] for cell in course.notebook_cells(notebook)}
    exercises = {exercise.cell: exercise for exercise in exercise_service.exercises if exercise.file}

    for cell in cells:
        shipped_cell = file_cell.FileCell.parse(texts.get(cell, ""))
        exercise = exercises.get(cell)
        if shipped_cell is not None:
            line = shipped_cell.path.removeprefix("notebooks/")
            yield file_cell.write(exercise_service.workspace, lesson, line, shipped_cell.body, exercise_service.root)
        elif exercise is not None:
            yield _solve_untouched(exercise_service, exercise)
        else:
            raise WrongUsage(f"{cell!r} is no cell of {lesson} that makes a file.", "Run `./workshop update`.")


def _solve_untouched(exercise_service: ExerciseService, exercise: Exercise) -> str:
    """Put the solution into an exercise's files unless the participant has changed one; return a sentence."""
    for part in exercise.parts:
        if not exercise_service.exercise_files(part).is_untouched():
            return f"{exercise.path} stays as it is: {exercise.id}"

    solve(exercise_service, exercise.id)
    return f"{exercise.path} has the solution: {exercise.id}"


@dataclass
class SolvedFiles:
    """The files of a workspace while a tour runs lessons in order: each exercise is solved before a cell needs it.

    ``lesson`` is the one whose cells ran last, "" at first.
    """

    exercise_service: ExerciseService
    lesson: str = ""

    def before_cell(self, lesson: str, cell: str) -> None:
        """Prepare the files for a cell (an id) of ``lesson``; bring all files to its start if lessons were left out."""
        has_its_files = lesson in (self.lesson, solutions.FIRST) or self._leads_to(lesson)
        if not has_its_files:
            arrange(self.exercise_service, lesson)
        self.lesson = lesson

        for exercise in self.exercise_service.exercises:
            if not exercise.file:
                continue
            if exercise.cell == cell or (exercise.page < lesson and self._can_be_solved(exercise)):
                solve(self.exercise_service, exercise.id)

    def _can_be_solved(self, exercise: Exercise) -> bool:
        """Return whether an exercise of an earlier lesson still has its lines: a later step may have replaced them."""
        return not exercise.in_service or self._has_regions(exercise)

    def _has_regions(self, exercise: Exercise) -> bool:
        """Return whether the files of the workspace have the exercise's regions."""
        files_of_parts = (self.exercise_service.exercise_files(part) for part in exercise.parts)
        return all(files.region() is not None for files in files_of_parts)

    def _leads_to(self, lesson: str) -> bool:
        """Return whether ``lesson`` comes after the last one, and no lesson of the track is between them.

        Then it finds the files that it begins with. A notebook on a track fills in the files of lessons that the track
        leaves out, so these may be between them, and so may optional notebooks.
        """
        lessons = course.load_course(self.exercise_service.root)
        names = lessons.notebooks
        if lesson not in names or self.lesson not in names:
            return False

        last_index = names.index(self.lesson)
        index = names.index(lesson)
        track_names = lessons.names(self.exercise_service.workspace.track)
        names_between = [name for name in names[last_index + 1 : index] if not lessons.is_optional(name)]
        return last_index < index and not any(name in track_names for name in names_between)


def solved_cells(exercise_service: ExerciseService) -> dict[str, str]:
    """Return the solutions of the exercises in notebooks, by the id of their cell."""
    exercises = [exercise for exercise in exercise_service.exercises if not exercise.file]
    return {exercise.cell: exercise_service.exercise_files(exercise).solution for exercise in exercises}
