"""What the panel in the notebook and the command line share: check, hint, solution, reset, and the record of it."""

from __future__ import annotations

import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from random import Random
from typing import Any

from workshop_kit.engine.stack import Stack
from workshop_kit.errors import WorkshopError, WrongUsage
from workshop_kit.workspace import content
from workshop_kit.exercises import board as boards
from workshop_kit.exercises import registry, service_folder
from workshop_kit.workspace.code_comparison import same_code
from workshop_kit.workspace.course import MY_SERVICE
from workshop_kit.exercises.check_api import Context, CheckResult, Registered
from workshop_kit.exercises.registry import Exercise
from workshop_kit.exercises.result import Finding, Result, Verdict
from workshop_kit.exercises.fixtures import FIXTURES, Fixture
from workshop_kit.exercises.exercise_files import Texts, Unreadable
from workshop_kit.workspace.lab_settings import trust
from workshop_kit.exercises.progress import Progress
from workshop_kit.paths import CHECKOUT
from workshop_kit.workspace.folder import Workspace
from workshop_kit.progress import Report, Step, silent
from workshop_kit.display.rendered import Shown


class Superseded(WorkshopError):
    """A check that ended without a result, since a newer one of the same exercise began."""


@dataclass(frozen=True)
class Desk:
    """The exercises of one workspace. ``stack`` is asked for when a check needs an engine, and not before."""

    workspace: Workspace
    progress: Progress
    stack: Callable[[], Stack]
    root: Path = CHECKOUT
    exercises: tuple[Exercise, ...] = ()
    subjects: dict[str, Fixture] = field(default_factory=dict, repr=False)
    running: dict[str, threading.Event] = field(default_factory=dict, repr=False)

    def stop_checks(self) -> None:
        """End every running check."""
        for superseded in list(self.running.values()):
            superseded.set()

    @classmethod
    def of(cls, workspace: Workspace, stack: Callable[[], Stack], root: Path = CHECKOUT) -> Desk:
        """The desk of a workspace, with the exercises that the checkout lists."""
        progress = Progress(workspace.progress_path)
        return cls(workspace, progress, stack, root, registry.load(root))

    def find(self, identifier: str) -> Exercise:
        """The exercise of that id, its task with the numbers of this participant in it. Raises WrongUsage."""
        exercise = registry.find(self.exercises, identifier)
        if not any("{" in text for text in (exercise.task, *exercise.hints, *exercise.first_hints.values())):
            return exercise
        given = {name: str(value) for name, value in self.given(exercise.id).items()}
        first_hints = {words: _filled(hint, given) for words, hint in exercise.first_hints.items()}
        task, hints = _filled(exercise.task, given), _hints(exercise, given)
        return replace(exercise, task=task, hints=hints, first_hints=first_hints)

    def given(self, identifier: str) -> Mapping[str, Any]:
        """The numbers of a task, from the participant's (or the table's) seed."""
        return _registered(identifier).given(self.workspace.seed)

    def subject(self, identifier: str) -> Fixture | None:
        """What an exercise in the notebook is about, made when there is none (any more); None for one in a file."""
        make = FIXTURES.get(identifier)
        if make is None:
            return None
        known, stack = self.subjects.get(identifier), self.stack()
        if known is None or not known.is_there(stack.session.engine):
            random = Random(f"{identifier} {self.workspace.seed}")  # noqa: S311 - the same for the same seed
            self.subjects[identifier] = make(stack, random)
        return self.subjects[identifier]

    def hand_in(self, identifier: str, value: Any, source: str = "") -> None:
        """Keep what a notebook's cell computed, so that any check, from a terminal too, can judge it.

        ``source`` is the cell's text: as long as it is the starter, nobody has begun.
        """
        exercise = self.find(identifier)
        subject = self.subject(exercise.id)
        starter = self.texts(exercise).starter
        answer = {
            "subject": dict(subject.names) if subject else {},
            "value": _plain(exercise.id, value),
            "untouched": same_code(source, starter),
        }
        self.progress.keep_answer(exercise.id, answer)

    def check(self, identifier: str, report: Report = silent) -> Result:
        """Judge what the participant has now, and write down how it went; a running check of the exercise ends.

        Raises WrongUsage for an unknown id, and Superseded when a newer check of the exercise began meanwhile.
        """
        exercise = self.find(identifier)
        started = time.monotonic()
        superseded = threading.Event()
        if (older := self.running.get(exercise.id)) is not None:
            older.set()
        self.running[exercise.id] = superseded

        def go_on(step: Step | None = None) -> None:
            if superseded.is_set():
                raise Superseded(f"A newer check of {exercise.id} has begun.", "Wait for that one.")
            if step is not None:
                report(step)

        judged = self._judge(exercise, go_on, superseded)
        go_on()
        result = Result(
            exercise.id,
            judged.verdict,
            judged.summary,
            judged.findings,
            time.monotonic() - started,
            judged.output,
        )
        self.progress.record_check(exercise.id, str(result.verdict), first_hint(exercise, result.findings))
        return result

    def hint(self, identifier: str) -> tuple[str, ...]:
        """Show one more hint, and return all that are shown by now."""
        self.progress.next_hint(self.find(identifier).id)
        return self.hints_shown(identifier)

    def hints_shown(self, identifier: str) -> tuple[str, ...]:
        """The hints that are shown already; the first is the one for what the check had found, where there is one."""
        exercise = self.find(identifier)
        done = self.progress.exercise(exercise.id)
        first = exercise.first_hints.get(done.first_hint, exercise.hints[0])
        return (first, *exercise.hints[1:])[: done.hints]

    def solution(self, identifier: str, *, anyway: bool = False) -> str | None:
        """The solution's text; None while it is locked: the exercise is not passed, and it was not asked for anyway."""
        exercise = self.find(identifier)
        done = self.progress.exercise(exercise.id)
        if not (anyway or done.passed_at or done.solution_shown):
            return None
        self.progress.record_solution(exercise.id)
        first, *others = exercise.parts
        more = [f"\n# {part.file}\n{self.texts(part).solution}" for part in others]
        return "".join([self.texts(first).solution, *more])

    def reset(self, identifier: str) -> str:
        """Put the starter back into the exercise's region; return a sentence that says where the old file is kept."""
        exercise = self.find(identifier)
        aside, folder = None, self.workspace.folder
        for part in exercise.parts:
            texts = self.texts(part)
            text = texts.with_body(texts.starter)
            if (folder / texts.name).exists():
                aside = content.keep_aside(self.workspace, texts.name, aside)
            content.write(self.workspace, texts.name, text)
        name = exercise.path
        if exercise.file is None:
            trust(self.workspace)  # a notebook that changed unsigned would be shown without its panels
        kept = f" What you had is in {folder.name}/{aside.relative_to(folder)}." if aside else ""
        reload = "" if exercise.file else " If the notebook is open, reload it from disk (File menu)."
        return f"{exercise.id} is back at its start in {folder.name}/{name}.{kept}{reload}"

    def compare(self, identifier: str) -> tuple[str, str]:
        """The participant's region and the reference's. Raises WorkshopError where theirs cannot be found."""
        mine, reference = "", ""
        for part in self.find(identifier).parts:
            texts = self.texts(part)
            region = texts.region()
            if region is None:
                sentence = f"{self.workspace.folder.name}/{texts.name} has no region of {part.id} to compare."
                raise WorkshopError(sentence, f"Run `./workshop solution {part.id}` to see the reference alone.")
            head = f"# {part.file}\n" if len(self.find(identifier).parts) > 1 else ""
            mine, reference = f"{mine}{head}{region}", f"{reference}{head}{texts.solution}"
        return mine, reference

    def place(self, identifier: str) -> str:
        """Where the participant works on an exercise, for the terminal: lines of a file, or a notebook's cell."""
        texts = self.texts(self.find(identifier))
        where = f"{self.workspace.folder.name}/{texts.name}"
        if texts.exercise.file is None:
            return f"the cell below the panel of {texts.exercise.id} in {where}"
        lines = texts.lines()
        return f"{lines} of {where}" if lines else where

    def board(self, unfolded: str = "") -> Shown:
        """What is done and what is left, in minutes; the exercises of the lesson ``unfolded`` are in sight."""
        return boards.shown(boards.board(self.exercises, self.progress), unfolded)

    def texts(self, exercise: Exercise) -> Texts:
        """The texts of an exercise: its source, its starter, and what the participant has."""
        return Texts(self.root, self.workspace.folder, exercise)

    def _judge(self, exercise: Exercise, report: Report, superseded: threading.Event) -> CheckResult:
        if exercise.judges == "service":
            return self._judge_service(exercise, report, superseded)
        texts = self.texts(exercise)
        files: Mapping[str, str] = {}
        if exercise.file is not None:
            try:
                files = texts.composed()
            except Unreadable as damaged:
                return CheckResult(str(damaged), override=Verdict.NOT_READABLE)
        answer = self.progress.exercise(exercise.id).answer
        context = Context(exercise, self.stack(), self.workspace.seed, files, answer, report)
        judged = _registered(exercise.id).check(context)
        untouched = texts.is_untouched() if exercise.file else bool((answer or {}).get("untouched", True))
        if judged.verdict is not Verdict.PASSED and untouched:
            return replace(judged, override=Verdict.NOT_STARTED)
        return judged

    def _judge_service(self, exercise: Exercise, report: Report, superseded: threading.Event) -> CheckResult:
        """Judge a copy of ``my_service/`` in which the regions of other exercises are solved."""
        with tempfile.TemporaryDirectory(prefix="workshop-check-") as temporary:
            folder = Path(temporary) / MY_SERVICE
            try:
                whole = service_folder.copy(self.texts(exercise), folder)
            except Unreadable as damaged:
                return CheckResult(str(damaged), override=Verdict.NOT_READABLE)
            context = Context(
                exercise, self.stack(), self.workspace.seed, report=report, folder=folder, superseded=superseded
            )
            judged = _registered(exercise.id).check(context)
        if whole:
            files = ", ".join(whole)
            judged = replace(judged, summary=f"{judged.summary} (Markers are missing, so it judged the whole {files}.)")
        untouched = all(self.texts(part).is_untouched() for part in exercise.parts)
        if judged.verdict is not Verdict.PASSED and untouched:
            return replace(judged, override=Verdict.NOT_STARTED)
        return judged


@dataclass(frozen=True)
class Actions:
    """One exercise of a desk, as the buttons of its panel see it (`panel.Actions`)."""

    desk: Desk
    id: str

    @property
    def path(self) -> str:
        """The file to edit, as JupyterLab knows it; empty for an exercise in the notebook."""
        texts = self._texts
        return texts.name if texts.exercise.file else ""

    @property
    def files(self) -> tuple[Path, ...]:
        """All that the participant edits for it."""
        return tuple(self.desk.workspace.folder / part.path for part in self.desk.find(self.id).parts)

    def saves(self, stop: threading.Event) -> Iterator[frozenset[str]]:
        """Yield once for each time that files beside these were saved, until ``stop`` is set."""
        from workshop_kit.exercises.watcher import saves  # only who asks for it waits for its import

        folders = {file.parent for file in self.files}
        return saves(self.desk.workspace.folder, *folders, stop=stop)

    def end(self) -> None:
        """End its check, if one runs: that raises Superseded."""
        if (running := self.desk.running.get(self.id)) is not None:
            running.set()

    def lines(self) -> str:
        """Where in the file the region is."""
        return self._texts.lines() if self.path else ""

    def check(self, report: Report) -> Result:
        """Check it."""
        return self.desk.check(self.id, report)

    def hint(self) -> tuple[str, ...]:
        """Show the next hint."""
        return self.desk.hint(self.id)

    def solution(self, *, anyway: bool) -> str | None:
        """Show the solution, if it may be shown."""
        return self.desk.solution(self.id, anyway=anyway)

    def reset(self) -> str:
        """Go back to the start."""
        return self.desk.reset(self.id)

    def compare(self) -> tuple[str, str]:
        """Their region and the reference's."""
        return self.desk.compare(self.id)

    def board(self) -> Shown:
        """Where the participant stands."""
        return self.desk.board(self.desk.find(self.id).lesson)

    @property
    def _texts(self) -> Texts:
        return self.desk.texts(self.desk.find(self.id))


def _registered(identifier: str) -> Registered:
    from workshop_kit.exercises.checks import CHECKS  # with pandas and boto3: a hint need not wait for them

    return CHECKS[identifier]


def first_hint(exercise: Exercise, findings: Sequence[Finding]) -> str:
    """Return the key of the hint that goes with the first finding that did not pass; "" if none does."""
    said = next((f"{one.called} {one.got} {one.means}" for one in findings if not one.passed), "")
    return next((words for words in exercise.first_hints if words in said), "")


def _filled(text: str, given: Mapping[str, str]) -> str:
    return text.format(**given) if given else text


def _hints(exercise: Exercise, given: Mapping[str, str]) -> tuple[str, str, str]:
    first, second, third = (_filled(hint, given) for hint in exercise.hints)
    return first, second, third


def _plain(identifier: str, value: Any) -> Any:
    """The value as JSON keeps it: numbers of NumPy become Python's, sets become lists. Raises WrongUsage."""
    match value:
        case None | bool() | int() | float() | str():
            return value
        case date():  # pandas' Timestamp is one
            return value.isoformat()
        case Mapping():
            return {str(key): _plain(identifier, one) for key, one in value.items()}
        case list() | tuple() | set() | frozenset():
            return [_plain(identifier, one) for one in value]
    if hasattr(value, "item"):
        return _plain(identifier, value.item())
    raise WrongUsage(
        f"{identifier} was handed a {type(value).__name__}, which cannot be kept.",
        "Hand over text, numbers, lists or dictionaries of them.",
    )
