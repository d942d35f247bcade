"""Jump to the start of a lesson, for participants who join late, instructors, and tests."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from workshop_kit import provision
from workshop_kit.errors import WorkshopError, WrongUsage
from workshop_kit.exercises import open_answers
from workshop_kit.exercises.exercise_service import ExerciseService
from workshop_kit.files import write_atomically
from workshop_kit.names import in_words, resolve
from workshop_kit.reporting import Report
from workshop_kit.workspace import content, course, history, merge, steps
from workshop_kit.workspace.course import find_lesson
from workshop_kit.workspace.exercise_list import Exercise
from workshop_kit.workspace.folder import Workspace, lesson_copies
from workshop_kit.workspace.history import Backup
from workshop_kit.workspace.steps import LessonStep

SHOP_PASSWORD = "tea4Two!Kyoto19"  # noqa: S105 - lesson 02 finds it in an image; it is in compose.yaml, too


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
        return [*lines, *self.backup.sentences()]


def goto(exercise_service: ExerciseService, lesson: str, report: Report) -> GotoResult:
    """Bring workspace and containers to the start of ``lesson``, a name or a part of it (see `find_lesson`).

    The service is that of the lesson before, solved; what the participant wrote for an exercise that passed stays.
    Notebooks and exercises of this lesson and of later ones are fresh. Progress stays. Raises WrongUsage for an unknown
    lesson.
    """
    name = find_lesson(lesson, exercise_service.root / "notebooks")
    if name == course.SHORT:
        advice = "Run `./workshop goto 01`, then `./workshop start short`."
        raise WrongUsage(f"{name} begins with an empty folder.", advice)
    stack = exercise_service.stack()  # first: without an engine it raises, and nothing is changed
    result = arrange(exercise_service, name)
    provision.remove_everything(stack.session, {"kernel"}, report)
    stack.up(report=report)
    return result


def arrange(exercise_service: ExerciseService, lesson: str) -> GotoResult:
    """Bring the files of the workspace to the start of ``lesson``; the containers stay as they are."""
    workspace = exercise_service.workspace
    with_file = [exercise for exercise in exercise_service.exercises if exercise.file]
    earlier = [exercise for exercise in with_file if exercise.page < lesson]
    own_ids = {exercise.id for exercise in earlier if exercise_service.is_own_solution(exercise)}
    passed = [exercise for exercise in earlier if exercise_service.progress.exercise(exercise.id).passed_at]

    course_steps = steps.before(steps.load(exercise_service.root), lesson)
    with history.recorded(workspace, f"goto {lesson}") as backup:
        for copy in lesson_copies(exercise_service.root):
            if copy.lesson >= lesson:
                content.replace_file(workspace, copy.name, copy.source.read_text(), backup)
        _arrange_files(exercise_service, course_steps, passed, backup)

    solved_ids = {exercise.id for exercise in earlier if exercise_service.exercise_files(exercise).is_solved()}
    exercise_service.progress.note_references(solved_ids - own_ids)
    for_them = solved_ids - own_ids - {exercise.id for exercise in passed}
    return GotoResult(lesson, tuple(exercise.id for exercise in earlier if exercise.id in for_them), backup)


def _arrange_files(
    exercise_service: ExerciseService, course_steps: Sequence[LessonStep], passed: Sequence[Exercise], backup: Backup
) -> None:
    """Write the participant's files as these steps make them, with what was written for the exercises that ``passed``.

    Files that later lessons brought are removed.
    """
    workspace = exercise_service.workspace
    files = steps.files_after(course_steps)
    texts = {path: file.text for path, file in files.items()}
    for exercise in passed:
        own_files = exercise_service.exercise_files(exercise)
        for path in own_files.solution:
            mine = content.current_text(workspace, path) or ""
            with contextlib.suppress(WorkshopError):  # a file that is gone or damaged gets the solution
                if mine.strip():
                    names = own_files.names_with_helpers(path, mine, texts[path])
                    texts[path] = merge.restore(path, texts[path], mine, names)

    for path, text in texts.items():
        content.replace_file(workspace, path, text, backup, record=files[path].record)
    _remove_later_files(exercise_service, texts, backup)
    if f"notebooks/{steps.TOOLS}" in texts:
        _bring_password(workspace)


def _remove_later_files(exercise_service: ExerciseService, texts: dict[str, str], backup: Backup) -> None:
    """Remove the files that are not among ``texts``, and that a later step of the lessons brings."""
    workspace = exercise_service.workspace
    paths = {change.path for step in steps.load(exercise_service.root) for change in step.changes}
    for path in sorted(paths.difference(texts)):
        content.remove_record(workspace, path)
        if (workspace.folder / path).exists():
            backup.keep(path)
            (workspace.folder / path).unlink()


def _bring_password(workspace: Workspace) -> None:
    """Write the secret file that a cell of lesson 02 makes, unless it is there; the user of a container reads it."""
    path = workspace.my_service / "secrets" / "password"
    if not path.exists():
        write_atomically(path, SHOP_PASSWORD.encode())
        path.chmod(0o644)


def solve(exercise_service: ExerciseService, identifier: str) -> bool:
    """Put the solution into an exercise's files; return whether any changed. Edited files are kept."""
    workspace = exercise_service.workspace
    files = exercise_service.exercise_files(exercise_service.find(identifier))
    is_untouched = files.is_untouched()
    solved_texts = files.solved_texts()
    texts = {path: text for path, text in solved_texts.items() if content.current_text(workspace, path) != text}
    if not texts:
        return False

    with history.recorded(workspace, f"solution of {identifier}") as backup:
        for path, text in texts.items():
            if (workspace.folder / path).exists() and not is_untouched:
                backup.keep(path)
            content.write(workspace, path, text)
    return True


def catch_up(exercise_service: ExerciseService, page: str, before: str) -> Iterator[str]:
    """Make the files of the cells before a place in the course, for a participant who skipped some of them.

    ``before`` is the id of an exercise, the name of a lesson, or the heading of a section in the notebook ``page``.
    What the participant wrote stays; an untouched exercise gets its solution, and an untouched open definition its
    answer. Yields a sentence for each lesson that brought something. Raises WrongUsage for an unknown place.
    """
    course_steps = _steps_before(exercise_service, page, before)
    is_complete = True
    for lesson, group in itertools.groupby(course_steps, key=lambda step: step.lesson):
        brought = list(itertools.chain.from_iterable(_make(exercise_service, step) for step in group))
        if brought:
            is_complete = False
            yield f"{lesson} brought {in_words(list(dict.fromkeys(brought)))}."

    if any(change.path == steps.path_of(steps.TOOLS) for step in course_steps for change in step.changes):
        _bring_password(exercise_service.workspace)
    if is_complete:
        yield "Your files have all that the earlier cells bring."


def _steps_before(exercise_service: ExerciseService, page: str, before: str) -> list[LessonStep]:
    """Return the steps before a place in the course, without those of optional notebooks. Raises WrongUsage."""
    lessons = course.load_course(exercise_service.root)
    exercises = {exercise.id: exercise for exercise in exercise_service.exercises}
    names = lessons.names("full")
    lesson = page
    if before in names:
        lesson = before
        cell = lessons.sections[lesson][0].cells[0]
    elif before in exercises:
        lesson = exercises[before].page
        cell = exercises[before].cell
    else:
        first_cells = {section.heading: section.cells[0] for section in lessons.sections.get(page, ())}
        advice = f"Write the name of a lesson, the id of an exercise, or one of: {', '.join(first_cells)}."
        cell = first_cells[resolve("section", before, first_cells, ": ", advice)]

    own_cells = itertools.takewhile(lambda name: name != cell, lessons.cells(lesson, "full"))
    earlier = {lesson: set(own_cells)}
    for name in itertools.takewhile(lambda name: name != lesson, names):
        earlier[name] = set(lessons.cells(name, "full"))
    return [step for step in steps.load(exercise_service.root) if step.cell in earlier.get(step.lesson, ())]


def _make(exercise_service: ExerciseService, step: LessonStep) -> Iterator[str]:
    """Do a step in the participant's files; yield what it brought, in words."""
    from workshop_kit.workspace import file_cell  # imports IPython, slow for the command line

    workspace = exercise_service.workspace
    if step.exercise == steps.OPEN:
        if open_answers.put_in(workspace, exercise_service.root, [(step.lesson, step.cell)]):
            yield f"what {step.changes[0].path} leaves open"
    elif step.exercise:
        files = exercise_service.exercise_files(exercise_service.find(step.exercise))
        if files.is_untouched() and solve(exercise_service, step.exercise):
            yield f"the solution of {step.exercise}"
    else:
        [change] = step.changes
        before = content.current_text(workspace, change.path)
        file_cell.bring(workspace, step.lesson, change, exercise_service.root)
        if content.current_text(workspace, change.path) != before:
            yield change.path


@dataclass
class SolvedFiles:
    """The files of a workspace while a tour runs lessons in order: each exercise is solved before a cell needs it.

    An open definition is answered before the cell after it. ``catches_up``: where the notebooks skip sections, cells of
    theirs bring the files. ``lesson`` is the one whose cells ran last, "" at first.
    """

    exercise_service: ExerciseService
    catches_up: bool = False
    lesson: str = ""

    def before_cell(self, lesson: str, cell: str) -> None:
        """Prepare the files for a cell (an id) of ``lesson``; bring all files to its start if lessons were left out."""
        has_its_files = self.catches_up or lesson in (self.lesson, steps.FIRST) or self._leads_to(lesson)
        if not has_its_files:
            arrange(self.exercise_service, steps.FIRST if lesson == course.SHORT else lesson)
        self.lesson = lesson

        open_answers.put_in(self.exercise_service.workspace, self.exercise_service.root)
        for exercise in self.exercise_service.exercises:
            if exercise.cell == cell and exercise.file:
                solve(self.exercise_service, exercise.id)

    def _leads_to(self, lesson: str) -> bool:
        """Return whether ``lesson`` comes after the last one, and none but optional notebooks are between them."""
        names = course.load_course(self.exercise_service.root).names("full")
        is_between = [self.lesson < name < lesson for name in names]
        return "" < self.lesson < lesson and not any(is_between)


def solved_cells(exercise_service: ExerciseService) -> dict[str, str]:
    """Return the solutions of the exercises in notebooks, by the id of their cell."""
    exercises = [exercise for exercise in exercise_service.exercises if not exercise.file]
    return {exercise.cell: exercise_service.exercise_files(exercise).solution[exercise.path] for exercise in exercises}
