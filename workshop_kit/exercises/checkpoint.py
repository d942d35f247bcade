"""Jump to the start of a lesson, for participants who join late, instructors, and tests."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from workshop_kit.errors import WrongUsage
from workshop_kit.exercises.exercise_service import ExerciseService
from workshop_kit.files import write_atomically
from workshop_kit.reporting import Report
from workshop_kit.workspace import content, course, growth, naive_copy, provision, regions, solutions
from workshop_kit.workspace.content import Backup
from workshop_kit.workspace.course import find_lesson
from workshop_kit.workspace.folder import Workspace, lesson_copies
from workshop_kit.workspace.registry import Exercise

COLLEAGUE_PASSWORD = "tea4Two!Kyoto19"  # noqa: S105 - what lesson 02 finds in an image, as compose.yaml has it


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
    result = arrange(exercise_service, name)
    provision.remove_everything(stack.session, {"kernel"}, report)
    stack.up(report=report)
    return result


def arrange(exercise_service: ExerciseService, lesson: str) -> GotoResult:
    """Bring the files of the workspace to the start of ``lesson``; the containers stay as they are."""
    backup = Backup(exercise_service.workspace)
    naive_copy.put_all_back(exercise_service.workspace, exercise_service.root)
    own_solutions = {
        exercise.id for exercise in exercise_service.exercises if _is_own_solution(exercise_service, exercise)
    }
    for copy in lesson_copies(exercise_service.root):
        if copy.lesson >= lesson:
            content.replace_file(exercise_service.workspace, copy.name, copy.source.read_text(), backup)
    _arrange_service(exercise_service, lesson, backup)
    solved_ids = list(_solve_earlier(exercise_service, lesson, backup))

    earlier_exercises = [exercise for exercise in exercise_service.exercises if exercise.page < lesson]
    references = {exercise.id for exercise in earlier_exercises if exercise_service.has_solution(exercise)}
    exercise_service.progress.note_references(references - own_solutions)
    return GotoResult(lesson, tuple(solved_ids), backup)


def _solve_earlier(exercise_service: ExerciseService, lesson: str, backup: Backup) -> Iterator[str]:
    """Put the solution into exercises before ``lesson`` that are not passed; yield the ids of the changed ones."""
    regions_at_start = {
        (source.path, name)
        for source, stage in solutions.sources_at(exercise_service.root, lesson).items()
        for name in regions.ids(source.at(stage))
    }

    for exercise in exercise_service.exercises:
        if exercise.page >= lesson or not exercise.file or exercise_service.progress.exercise(exercise.id).passed_at:
            continue
        parts = exercise.parts
        if exercise.in_service:  # a later step may have replaced the lines of some
            parts = tuple(part for part in parts if (part.path, exercise.id) in regions_at_start)
        if _solve_parts(exercise_service, parts, backup):
            yield exercise.id


def _is_own_solution(exercise_service: ExerciseService, exercise: Exercise) -> bool:
    """Return whether the participant put the reference there, and no jump did."""
    is_noted = exercise_service.progress.exercise(exercise.id).is_reference
    return not is_noted and exercise_service.has_solution(exercise)


def _arrange_service(exercise_service: ExerciseService, lesson: str, backup: Backup) -> None:
    """Bring the participant's files to the start of ``lesson``; regions of exercises before it stay theirs."""
    workspace = exercise_service.workspace
    stages = solutions.sources_at(exercise_service.root, lesson)
    for source in solutions.service_sources(exercise_service.root):
        path = workspace.folder / source.path
        if source not in stages and source.lesson != solutions.FIRST and path.exists():
            backup.keep(source.path)
            path.unlink()
            growth.record(workspace.folder, source.path, None)

    earlier_ids = [exercise.id for exercise in exercise_service.exercises if exercise.page < lesson]
    fresh_ids = [exercise.id for exercise in exercise_service.exercises if exercise.lesson < lesson <= exercise.page]
    for source, stage in stages.items():
        marked = source.at(stage)
        base = regions.starter(marked)
        text = solutions.keep_regions(base, regions.solved(marked), fresh_ids)  # a second notebook's are fresh
        mine = (content.current(workspace, source.path) or b"").decode(errors="replace")
        text = solutions.keep_regions(mine, text, earlier_ids)
        content.replace_file(workspace, source.path, text, backup, base=base)
        growth.record(workspace.folder, source.path, stage)

    if lesson <= solutions.FIRST:
        _bring_first_files(exercise_service, backup)
    if any(source.file == solutions.TOOLS for source in stages):
        _bring_password(workspace)


def _bring_first_files(exercise_service: ExerciseService, backup: Backup) -> None:
    """Bring the files that a new workspace has."""
    workspace = exercise_service.workspace
    for source in solutions.service_sources(exercise_service.root):
        if source.lesson == solutions.FIRST:
            text = regions.starter(source.at(source.stages[0]))
            content.replace_file(workspace, source.path, text, backup)
            growth.record(workspace.folder, source.path, source.stages[0])


def _bring_password(workspace: Workspace) -> None:
    """Write the secret file that a cell of lesson 02 makes, unless it is there; the user of an image reads it."""
    path = workspace.my_service / "secrets" / "password"
    if not path.exists():
        write_atomically(path, COLLEAGUE_PASSWORD.encode())
        path.chmod(0o644)


def solve(exercise_service: ExerciseService, identifier: str, backup: Backup | None = None) -> bool:
    """Put the solution into an exercise's files; edited ones are copied to ``backup``. Returns whether any changed."""
    parts = exercise_service.find(identifier).parts
    return _solve_parts(exercise_service, parts, backup or Backup(exercise_service.workspace))


def _solve_parts(exercise_service: ExerciseService, parts: Iterable[Exercise], backup: Backup) -> bool:
    """Put the solution into some files of an exercise. Returns whether any changed."""
    workspace = exercise_service.workspace
    changed = False
    for part in parts:
        files = exercise_service.exercise_files(part)
        before = content.current(workspace, part.path)
        text = files.with_body(files.solution)
        if before == text.encode():
            continue
        if before is not None and not files.is_untouched():
            backup.keep(part.path)
        content.write(workspace, part.path, text)
        changed = True

    return changed


def fill_in(exercise_service: ExerciseService, lesson: str, cells: Sequence[str]) -> Iterator[str]:
    """Make what these cells (ids) of a lesson would have made: files, and the solutions of untouched exercises.

    Yields a sentence for each. Raises WrongUsage for a cell that makes no file.
    """
    from workshop_kit.workspace import file_cell  # imports IPython, slow for the command line

    notebook = exercise_service.root / "notebooks" / f"{lesson}.ipynb"
    texts = {cell["id"]: cell["source"] for cell in course.notebook_cells(notebook)}
    exercises = {exercise.cell: exercise for exercise in exercise_service.exercises if exercise.file}

    for cell in cells:
        written_file = file_cell.FileCell.parse(texts.get(cell, ""))
        exercise = exercises.get(cell)
        if written_file is not None:
            line = written_file.path.removeprefix("notebooks/")
            yield file_cell.write(exercise_service.workspace, lesson, line, written_file.body, exercise_service.root)
        elif exercise is not None:
            is_untouched = all(exercise_service.exercise_files(part).is_untouched() for part in exercise.parts)
            if is_untouched:
                solve(exercise_service, exercise.id)
            yield f"{exercise.path} {'has the solution' if is_untouched else 'stays as it is'}: {exercise.id}"
        else:
            raise WrongUsage(f"{cell!r} is no cell of {lesson} that makes a file.", "Run `./workshop update`.")


@dataclass
class SolvedFiles:
    """The files of a workspace while a tour runs lessons in order: solved as far as each cell needs them."""

    exercise_service: ExerciseService
    lesson: str = ""

    def before_cell(self, lesson: str, cell: str) -> None:
        """Prepare the files for a cell (an id); at a lesson whose files the last one did not leave, arrange all."""
        if lesson not in (self.lesson, solutions.FIRST) and not self._leads_to(lesson):
            arrange(self.exercise_service, lesson)
        self.lesson = lesson

        for exercise in self.exercise_service.exercises:
            if not exercise.file or not (exercise.page < lesson or exercise.cell == cell):
                continue
            # A file of an earlier lesson without its region is already a later step's.
            if exercise.cell == cell or not exercise.in_service or self._has_regions(exercise):
                solve(self.exercise_service, exercise.id)

    def _has_regions(self, exercise: Exercise) -> bool:
        """Return whether the files of the workspace have the exercise's regions."""
        files_of_parts = (self.exercise_service.exercise_files(part) for part in exercise.parts)
        return all(files.region() is not None for files in files_of_parts)

    def _leads_to(self, lesson: str) -> bool:
        """Return whether the last notebook leaves the files that ``lesson`` begins with, or that it can fill in.

        A notebook on a track fills in what the lessons would have made that the track leaves out.
        """
        course_of_root = course.load_course(self.exercise_service.root)
        names = list(course_of_root.notebooks)
        if lesson not in names or self.lesson not in names:
            return False

        between = names[names.index(self.lesson) + 1 : names.index(lesson)]
        on_track = course_of_root.names(self.exercise_service.workspace.track)
        lessons_between = [name for name in between if not course_of_root.is_more(name)]
        is_near = not any(name in on_track for name in lessons_between)
        return names.index(self.lesson) < names.index(lesson) and is_near


def solved_cells(exercise_service: ExerciseService) -> dict[str, str]:
    """Return the solutions of the exercises in notebooks, by cell id."""
    exercises = [exercise for exercise in exercise_service.exercises if not exercise.file]
    return {exercise.cell: exercise_service.exercise_files(exercise).solution for exercise in exercises}
