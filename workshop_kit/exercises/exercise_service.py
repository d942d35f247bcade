"""The exercise service: check, hint, solution and reset of exercises, for the panel and the command line.

It is one class of more than 300 lines: its methods share the workspace, the stack and the running checks.
"""

from __future__ import annotations

import functools
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

from workshop_kit import checks, provision
from workshop_kit.display.rendered import Rendered
from workshop_kit.engine.stack import Stack
from workshop_kit.errors import WorkshopError
from workshop_kit.exercises import cards
from workshop_kit.exercises.exercise_files import ExerciseFiles, UnreadableFile, copy_folder, join_texts
from workshop_kit.exercises.progress import HINTS, Progress
from workshop_kit.files import TemporaryCopy
from workshop_kit.paths import CHECKOUT
from workshop_kit.reporting import Report, Step, silent
from workshop_kit.trials.check_context import Context, seeded_random
from workshop_kit.trials.result import BLAMES, Finding, Result, Verdict
from workshop_kit.workspace import content, exercise_list, history, repository
from workshop_kit.workspace.course import MY_SERVICE
from workshop_kit.workspace.exercise_list import Exercise
from workshop_kit.workspace.folder import Workspace
from workshop_kit.workspace.lab_settings import trust
from workshop_kit.workspace.steps import FIRST, TOOLS
from workshop_kit.workspace.syntax import is_same

LATER_SERVICE_FILE = "orders.py"
"""A file that is there once the service is more than that of lesson 01."""
REFERENCE = "The reference stands there: ./workshop goto put it in. To write your own: ./workshop reset {id}"


class Superseded(WorkshopError):
    """A check that ended without a result because a newer one of the same exercise began."""


@dataclass(frozen=True)
class ExerciseService:
    """The exercises of one workspace.

    ``stack`` is called only when a check or a fixture needs the engine. ``running`` has an event for each exercise
    whose check runs, or ran: it tells the check that a newer one has begun.
    """

    workspace: Workspace
    progress: Progress
    stack: Callable[[], Stack]
    root: Path = CHECKOUT
    exercises: tuple[Exercise, ...] = ()
    fixture_names: dict[str, dict[str, str]] = field(default_factory=dict, repr=False)
    running: dict[str, threading.Event] = field(default_factory=dict, repr=False)

    @classmethod
    def of(cls, workspace: Workspace, stack: Callable[[], Stack], root: Path = CHECKOUT) -> ExerciseService:
        """Return the service of a workspace with the exercises of the checkout ``root``."""
        progress = Progress(workspace.progress_path)
        return cls(workspace, progress, stack, root, exercise_list.load(root))

    @classmethod
    def on_demand(cls, workspace: Workspace, copy: Workspace | None = None) -> ExerciseService:
        """Return the service of a command's workspace, or of a ``copy`` of another one, which its stack will check.

        It connects to the engine when a check needs it.
        """
        return cls.of(copy or workspace, functools.cache(partial(provision.connected_stack, workspace)))

    def stop_checks(self, *identifiers: str) -> None:
        """End the running checks of these exercises, or of all without an argument: they raise Superseded."""
        for name, superseded in list(self.running.items()):
            if not identifiers or name in identifiers:
                superseded.set()

    def find(self, identifier: str) -> Exercise:
        """Return the exercise of that id, with this participant's numbers in its texts. Raises WrongUsage."""
        exercise = exercise_list.find(self.exercises, identifier)
        texts = (exercise.task, *exercise.hints)
        has_numbers = any("{" in text for text in texts)
        if not has_numbers:
            return exercise
        numbers = self.task_numbers(exercise.id)
        if not numbers:
            return exercise

        task, *hints = (text.format(**numbers) for text in texts)
        return exercise.model_copy(update={"task": task, "hints": tuple(hints)})

    def task_numbers(self, identifier: str) -> Mapping[str, Any]:
        """Return the numbers of an exercise's task by name, from the workspace's seed."""
        return checks.task_numbers_of(identifier)(self.workspace.seed)

    def fixture(self, identifier: str) -> dict[str, str]:
        """Return the fixture of an exercise in the notebook, made if it is absent; {} for an exercise without one."""
        from workshop_kit.exercises import fixtures  # imports pandas, which is slow

        make_fixture = fixtures.FIXTURES.get(identifier)
        if make_fixture is None:
            return {}

        names = self.fixture_names.get(identifier)
        stack = self.stack()
        if names is None or not fixtures.is_there(names, stack.session.engine):
            names = make_fixture(stack, seeded_random(identifier, self.workspace.seed))
            self.fixture_names[identifier] = names
        return names

    def hand_in(self, identifier: str, value: Any, source: str = "") -> None:
        """Record the value that a notebook's cell computed, for later checks, also those from a terminal.

        ``source`` is the cell's text: while it is the starter's, the exercise counts as not started.
        """
        exercise = self.find(identifier)
        is_untouched = is_same("cell.py", source, self.exercise_files(exercise).starter_cell())
        answer = {"fixture": self.fixture(exercise.id), "value": value, "untouched": is_untouched}
        self.progress.keep_answer(exercise.id, answer)

    def check(self, identifier: str, report: Report = silent) -> Result:
        """Judge the participant's files as they are, and record the verdict.

        A check of the exercise that is still running ends. Raises WrongUsage for an unknown id, and Superseded when a
        newer check of the exercise began meanwhile.
        """
        exercise = self.find(identifier)
        began = time.monotonic()
        superseded = threading.Event()
        self.stop_checks(exercise.id)
        self.running[exercise.id] = superseded

        def require_newest() -> None:
            if superseded.is_set():
                raise Superseded(f"A newer check of {exercise.id} has begun.", "Wait for that one.")

        def report_of_newest(step: Step) -> None:
            require_newest()
            report(step)

        judgement = self.judge(exercise, report_of_newest, superseded)
        require_newest()
        if self._is_untouched(exercise):
            judgement = judgement.for_starter()
        if self._has_noted_reference(exercise):
            judgement = Result.not_started(REFERENCE.format(id=exercise.id))

        result = replace(judgement, exercise=exercise.id, seconds=time.monotonic() - began)
        if result.verdict is not Verdict.NOT_JUDGED:  # that verdict says nothing about the participant's work
            self.progress.record_check(exercise.id, str(result.verdict), _first_hint_number(result.findings))
        if result.verdict is Verdict.PASSED and exercise.in_service:
            repository.commit(self.workspace, f"{exercise.id}: passed")
        return result

    def hint(self, identifier: str) -> tuple[str, ...]:
        """Show one more hint, and return all hints that are shown now."""
        exercise = self.find(identifier)
        with self.progress.record(exercise.id) as record:
            record.hints = min(record.hints + 1, HINTS)
        return self.hints_shown(identifier)

    def hints_shown(self, identifier: str) -> tuple[str, ...]:
        """Return the hints that are shown; the first one suits the last check's findings if there is such a hint."""
        exercise = self.find(identifier)
        record = self.progress.exercise(exercise.id)
        hints = list(exercise.hints)
        if record.first_hint_number in range(1, HINTS + 1):
            hint = hints.pop(record.first_hint_number - 1)
            hints.insert(0, hint)
        return tuple(hints[: record.hints])

    def solution(self, identifier: str, *, anyway: bool = False) -> str | None:
        """Return the solution's text, and note that it was shown; None while it is locked.

        ``anyway`` unlocks it; so does a passed exercise, or a solution that was shown before.
        """
        exercise = self.find(identifier)
        record_before = self.progress.exercise(exercise.id)
        is_unlocked = anyway or record_before.passed_at or record_before.solution_shown
        if not is_unlocked:
            return None

        with self.progress.record(exercise.id) as record:
            record.solution_shown = True
        return join_texts(self.exercise_files(exercise).solution)

    def reset(self, identifier: str) -> str:
        """Put the exercise back as it was shipped; return a sentence that says where the old files are.

        Raises NotReady, for a full disk say; no file is lost or half-written then.
        """
        exercise = self.find(identifier)
        folder = self.workspace.folder
        with self.progress.record(exercise.id) as record:
            record.is_reference = False

        with history.recorded(self.workspace, f"reset {exercise.id}") as backup:
            for path, text in self.exercise_files(exercise).starter_texts().items():
                if (folder / path).exists():
                    backup.keep(path)
                content.write(self.workspace, path, text)
        if exercise.file is None:
            trust(self.workspace)  # JupyterLab shows no panels in an unsigned notebook

        sentence = f"{exercise.id} is back at its start in {folder.name}/{exercise.path}."
        return " ".join([sentence, *backup.sentences()])

    def compare(self, identifier: str) -> tuple[str, str]:
        """Return the participant's definitions and the reference's. Raises WorkshopError where there are none."""
        files = self.exercise_files(self.find(identifier))
        own_text = files.own_text()
        if own_text is None:
            sentence = f"{files.shown_name} has nothing of {files.exercise.id} to compare."
            raise WorkshopError(sentence, f"Run `./workshop solution {files.exercise.id}` to see the reference alone.")
        return own_text, join_texts(files.solution)

    def place(self, identifier: str) -> str:
        """Return where to work on an exercise: the lines of its file, with its other files, or a notebook's cell."""
        files = self.exercise_files(self.find(identifier))
        if files.exercise.file is None:
            return f"the cell below the panel of {files.exercise.id} in {files.shown_name}"
        return files.place(files.shown_name)

    def board(self, unfolded: str = "") -> Rendered:
        """Return the board of the exercises; the lesson ``unfolded`` shows its own."""
        board = self.progress.board(self.exercises)
        return cards.board_page(board, unfolded)

    def exercise_files(self, exercise: Exercise) -> ExerciseFiles:
        """Return the files of an exercise: as shipped, as solved, and the participant's."""
        return ExerciseFiles(self.root, self.workspace.folder, exercise)

    def is_too_late(self, exercise: Exercise) -> bool:
        """Return whether the exercise needs the service of the first lesson, and ``my_service/`` has a later one."""
        has_later_service = (self.workspace.my_service / LATER_SERVICE_FILE).exists()
        return has_later_service and exercise.in_service and exercise.lesson == FIRST

    def judge(self, exercise: Exercise, report: Report, superseded: threading.Event) -> Result:
        """Run the check on a copy of the participant's files as they are; nothing is recorded.

        Where it fails, and an exercise that it builds on does not pass yet, the result says so.
        """
        if self.is_too_late(exercise):
            sentence = f"{MY_SERVICE}/ is that of a later lesson, and {exercise.id} needs that of {FIRST}"
            return Result.not_readable(f"{sentence}: ./workshop goto 01 brings it back, and keeps yours aside.")

        result = self._judge_alone(exercise, report, superseded)
        if result.verdict not in BLAMES:
            return result
        for identifier in exercise.builds_on:
            basis = exercise_list.find(self.exercises, identifier)
            if self._is_failing(basis, report, superseded):
                sentence = f"{exercise.id} builds on {basis.id}, which does not pass yet: begin with that one."
                return replace(result, summary=f"{sentence} {result.summary}")
        return result

    def _is_failing(self, exercise: Exercise, report: Report, superseded: threading.Event) -> bool:
        """Return whether the participant has got as far as an exercise, and its check fails."""
        if not self.exercise_files(exercise).is_brought():
            return False
        return self._judge_alone(exercise, report, superseded).verdict in BLAMES

    def _judge_alone(self, exercise: Exercise, report: Report, superseded: threading.Event) -> Result:
        """Run the check of one exercise on a copy of the participant's files."""
        files = self.exercise_files(exercise)
        text = ""
        with TemporaryCopy() as temporary:
            folder = Path(temporary) / MY_SERVICE
            try:
                if exercise.file:
                    text = files.read_text()
                if exercise.in_service:
                    copy_folder(self.workspace.my_service, folder)
            except UnreadableFile as error:
                return Result.not_readable(str(error))

            answer = self.progress.exercise(exercise.id).answer
            seed = self.workspace.seed
            tools = self.workspace.notebooks / TOOLS
            check = checks.check_of(exercise.id)
            context = Context(exercise, self.stack(), seed, text, answer, report, folder, superseded, tools=tools)
            return check(context)

    def is_own_solution(self, exercise: Exercise) -> bool:
        """Return whether an exercise has the reference, and the participant put it there, not a jump."""
        is_noted = self.progress.exercise(exercise.id).is_reference
        return not is_noted and self.exercise_files(exercise).is_solved()

    def _has_noted_reference(self, exercise: Exercise) -> bool:
        """Return whether a jump put the solution there, and the participant has neither changed nor passed it.

        If it was changed, the note of the jump is removed from the record.
        """
        record = self.progress.exercise(exercise.id)
        if not record.is_reference or record.passed_at:
            return False
        if self.exercise_files(exercise).is_solved():
            return True

        with self.progress.record(exercise.id) as changed_record:
            changed_record.is_reference = False
        return False

    def _is_untouched(self, exercise: Exercise) -> bool:
        """Return whether the participant has not begun the exercise: its text is the starter's.

        In a notebook that is the text of the cell which handed in the last answer.
        """
        if exercise.file:
            return self.exercise_files(exercise).is_untouched()

        answer = self.progress.exercise(exercise.id).answer
        if not isinstance(answer, dict):
            return True
        return bool(answer.get("untouched", True))


def _first_hint_number(results: Sequence[Finding]) -> int:
    """Return the number of the hint for the first finding that did not pass; 0 for none."""
    for finding in results:
        if not finding.passed:
            return finding.hint
    return 0
