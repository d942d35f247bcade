"""Check, hint, solution and reset of exercises, and their record: the panel and the command line share it."""

from __future__ import annotations

import tempfile
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from workshop_kit.display.rendered import Rendered
from workshop_kit.engine.stack import Stack
from workshop_kit.errors import WorkshopError
from workshop_kit.exercises import cards
from workshop_kit.exercises.exercise_files import ExerciseFiles, ServiceCopy, Unreadable
from workshop_kit.exercises.progress import HINTS, Progress
from workshop_kit.paths import CHECKOUT
from workshop_kit.reporting import Report, Step, silent
from workshop_kit.trials import findings
from workshop_kit.trials.check_api import Context, seeded
from workshop_kit.trials.image_builds import ImageBuilds
from workshop_kit.trials.result import Finding, Result, Verdict
from workshop_kit.trials.stand_ins import say_whose
from workshop_kit.workspace import content, registry
from workshop_kit.workspace.course import MY_SERVICE
from workshop_kit.workspace.folder import Workspace
from workshop_kit.workspace.lab_settings import trust
from workshop_kit.workspace.merge import same_code
from workshop_kit.workspace.registry import Exercise
from workshop_kit.workspace.solutions import FIRST, MARK

REFERENCE = "The reference stands there: ./workshop goto put it in. To write your own: ./workshop reset {id}"


class Superseded(WorkshopError):
    """A check that ended without a result because a newer one of the same exercise began."""


@dataclass(frozen=True)
class ExerciseService:
    """The exercises of one workspace. ``stack`` is called when a check needs an engine, not before."""

    workspace: Workspace
    progress: Progress
    stack: Callable[[], Stack]
    root: Path = CHECKOUT
    exercises: tuple[Exercise, ...] = ()
    fixture_names: dict[str, dict[str, str]] = field(default_factory=dict, repr=False)
    running: dict[str, threading.Event] = field(default_factory=dict, repr=False)
    builds: ImageBuilds = field(default_factory=ImageBuilds, repr=False)

    @classmethod
    def of(cls, workspace: Workspace, stack: Callable[[], Stack], root: Path = CHECKOUT) -> ExerciseService:
        """Return the service of a workspace with the exercises of the checkout ``root``."""
        progress = Progress(workspace.progress_path)
        return cls(workspace, progress, stack, root, registry.load(root))

    def stop_checks(self, *identifiers: str) -> None:
        """End the running checks of these exercises, or all: they raise Superseded."""
        for name, superseded in list(self.running.items()):
            if not identifiers or name in identifiers:
                superseded.set()

    def find(self, identifier: str) -> Exercise:
        """Return the exercise of that id, with this participant's numbers in its texts. Raises WrongUsage."""
        exercise = registry.find(self.exercises, identifier)
        texts = (exercise.task, *exercise.hints)
        numbers = self.given(exercise.id) if any("{" in text for text in texts) else {}
        if not numbers:
            return exercise
        task, *hints = (text.format(**numbers) for text in texts)
        return exercise.model_copy(update={"task": task, "hints": tuple(hints)})

    def given(self, identifier: str) -> Mapping[str, Any]:
        """Return the numbers of a task, from the workspace's seed."""
        from workshop_kit.checks import GIVEN  # imports pandas and boto3, slow for a hint

        return GIVEN[identifier](self.workspace.seed)

    def fixture(self, identifier: str) -> dict[str, str]:
        """Return the names of what an exercise in the notebook is about, made if it is absent; {} for nothing."""
        from workshop_kit.exercises import fixtures  # lazily: it brings pandas

        make = fixtures.FIXTURES.get(identifier)
        if make is None:
            return {}

        names = self.fixture_names.get(identifier)
        stack = self.stack()
        if names is None or not fixtures.is_there(names, stack.session.engine):
            self.fixture_names[identifier] = make(stack, seeded(identifier, self.workspace.seed))
        return self.fixture_names[identifier]

    def hand_in(self, identifier: str, value: Any, source: str = "") -> None:
        """Record the value that a notebook's cell computed; any check, also from a terminal, judges it.

        ``source`` is the cell's text: while it is the starter, the exercise is not started.
        """
        exercise = self.find(identifier)
        is_untouched = same_code(source, self.exercise_files(exercise).starter)
        answer = {"fixture": self.fixture(exercise.id), "value": value, "untouched": is_untouched}
        self.progress.keep_answer(exercise.id, answer)

    def check(self, identifier: str, report: Report = silent) -> Result:
        """Judge the participant's files as they are, and record the verdict; a running check of the exercise ends.

        Raises WrongUsage for an unknown id, and Superseded when a newer check of the exercise began meanwhile.
        """
        exercise = self.find(identifier)
        started = time.monotonic()
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
        if self._is_reference(exercise):
            judgement = Result.not_started(REFERENCE.format(id=exercise.id))

        result = replace(judgement, exercise=exercise.id, seconds=time.monotonic() - started)
        if result.verdict is not Verdict.NOT_JUDGED:  # it says nothing of the participant's work
            self.progress.record_check(exercise.id, str(result.verdict), _first_failed_key(result.findings))
        return result

    def hint(self, identifier: str) -> tuple[str, ...]:
        """Show one more hint, and return all that are shown by now."""
        with self.progress.record(self.find(identifier).id) as record:
            record.hints = min(record.hints + 1, HINTS)
        return self.hints_shown(identifier)

    def hints_shown(self, identifier: str) -> tuple[str, ...]:
        """Return the hints that are shown; the first one is for the last check's findings, if it has such a hint."""
        exercise = self.find(identifier)
        record = self.progress.exercise(exercise.id)
        first_hint = findings.hint(exercise.id, record.first_hint, self.root) or exercise.hints[0]
        return (first_hint, *exercise.hints[1:])[: record.hints]

    def solution(self, identifier: str, *, anyway: bool = False) -> str | None:
        """Return the solution's text; None while it is locked: the exercise is not passed, and ``anyway`` is False."""
        exercise = self.find(identifier)
        former_record = self.progress.exercise(exercise.id)
        if not (anyway or former_record.passed_at or former_record.solution_shown):
            return None

        with self.progress.record(exercise.id) as record:
            record.solution_shown = True
        return _join_texts({part.file: self.exercise_files(part).solution for part in exercise.parts})

    def reset(self, identifier: str) -> str:
        """Put the starter back into the exercise's region; return a sentence with the place of the old file.

        Raises NotReady, for a full disk say; no file is lost or half-written then.
        """
        exercise = self.find(identifier)
        backup = content.Backup(self.workspace)
        folder = self.workspace.folder
        with self.progress.record(exercise.id) as record:
            record.is_reference = False

        for part in exercise.parts:
            files = self.exercise_files(part)
            text = files.with_body(files.starter)
            if (folder / part.path).exists():
                backup.keep(part.path)
            content.write(self.workspace, part.path, text)
        if exercise.file is None:
            trust(self.workspace)  # JupyterLab shows no panels in an unsigned notebook

        old_text = f" What you had is in {folder.name}/{backup.folder.relative_to(folder)}." if backup.folder else ""
        reload = "" if exercise.file else " If the notebook is open, reload it from disk (File menu)."
        return f"{exercise.id} is back at its start in {folder.name}/{exercise.path}.{old_text}{reload}"

    def compare(self, identifier: str) -> tuple[str, str]:
        """Return the participant's region and the reference's. Raises WorkshopError if theirs is not found."""
        mine = {}
        reference = {}
        for part in self.find(identifier).parts:
            files = self.exercise_files(part)
            region = files.region()
            reference[part.file] = files.solution
            if region is None:
                sentence = f"{files.shown_name} has no region of {part.id} to compare."
                raise WorkshopError(sentence, f"Run `./workshop solution {part.id}` to see the reference alone.")
            mine[part.file] = region

        return _join_texts(mine), _join_texts(reference)

    def place(self, identifier: str) -> str:
        """Return the place of an exercise: lines of a file, and its other files; or a notebook's cell."""
        files = self.exercise_files(self.find(identifier))
        if files.exercise.file is None:
            return f"the cell below the panel of {files.exercise.id} in {files.shown_name}"
        return files.place(files.shown_name)

    def board(self, unfolded: str = "") -> Rendered:
        """Return the board of the track's exercises; those of the lesson ``unfolded`` are not folded away."""
        return cards.board_page(self.progress.board(self.exercises, self.workspace.track), unfolded)

    def exercise_files(self, exercise: Exercise) -> ExerciseFiles:
        """Return the texts of an exercise: its source, its starter, and the participant's."""
        return ExerciseFiles(self.root, self.workspace.folder, exercise)

    def is_too_late(self, exercise: Exercise) -> bool:
        """Return whether the exercise needs the service of the first lesson, and ``my_service/`` has a later one."""
        has_later = (self.workspace.my_service / MARK).exists()
        return has_later and exercise.in_service and exercise.lesson == FIRST

    def judge(self, exercise: Exercise, report: Report, superseded: threading.Event) -> Result:
        """Run the check on copies of the participant's files, in which exercises that are not begun are solved."""
        from workshop_kit.checks import CHECKS

        if self.is_too_late(exercise):
            sentence = f"{MY_SERVICE}/ is that of a later lesson, and {exercise.id} needs that of {FIRST}"
            return Result.not_readable(f"{sentence}: ./workshop goto 01 brings it back, and keeps yours aside.")

        files = self.exercise_files(exercise)
        text = ""
        copy = ServiceCopy()
        with tempfile.TemporaryDirectory(prefix="workshop-check-") as temporary:
            folder = Path(temporary) / MY_SERVICE
            try:
                if exercise.in_service:
                    copy = files.copy_service(folder, self.exercises)
                elif exercise.file:
                    text = files.composed()
            except Unreadable as damaged:
                return Result.not_readable(str(damaged))

            answer = self.progress.exercise(exercise.id).answer
            seed = self.workspace.seed
            context = Context(
                exercise, self.stack(), seed, text, answer, report, folder, superseded, builds=self.builds
            )
            result = CHECKS[exercise.id](context)

        text_of_files = files.text_of(stand_in.file for stand_in in copy.stand_ins)
        result = say_whose(result, copy.stand_ins, text_of_files)
        if copy.whole:
            names = ", ".join(copy.whole)
            result = replace(result, summary=f"{result.summary} (Markers are missing, so it judged the whole {names}.)")
        return result

    def has_solution(self, exercise: Exercise) -> bool:
        """Return whether all regions of an exercise in files hold the reference, by whomever."""
        if exercise.file is None:
            return False
        return all(self._has_solution(part) for part in exercise.parts)

    def _has_solution(self, part: Exercise) -> bool:
        files = self.exercise_files(part)
        mine = files.region()
        return mine is not None and same_code(mine, files.solution)

    def _is_reference(self, exercise: Exercise) -> bool:
        """Return whether a jump put the solution there, and the participant has neither changed nor passed it."""
        record = self.progress.exercise(exercise.id)
        if not record.is_reference or record.passed_at:
            return False
        if self.has_solution(exercise):
            return True
        with self.progress.record(exercise.id) as changed:
            changed.is_reference = False
        return False

    def _is_untouched(self, exercise: Exercise) -> bool:
        """Return whether the participant's regions, or the cell that handed in an answer, are the starter's."""
        if exercise.file:
            return all(self.exercise_files(part).is_untouched() for part in exercise.parts)
        answer = self.progress.exercise(exercise.id).answer
        return not isinstance(answer, dict) or bool(answer.get("untouched", True))


def _join_texts(texts: Mapping[str | None, str]) -> str:
    """Return the texts of an exercise's files; several have their files' names above them."""
    if len(texts) == 1:
        return "".join(texts.values())
    return "\n".join(f"# {file}\n{text}" for file, text in texts.items())


def _first_failed_key(results: Sequence[Finding]) -> str:
    """Return the key of the first finding that did not pass, which chooses the first hint; "" if all passed."""
    return next((finding.key for finding in results if not finding.passed), "")
