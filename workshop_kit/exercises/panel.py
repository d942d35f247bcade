"""An exercise in its notebook: ``task = w.exercise("logging.parse")`` shows its panel and hands in its answer."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import traitlets
from IPython.core.getipython import get_ipython
from IPython.display import display

from workshop_kit.display.live import PARTS, Job, JobWidget
from workshop_kit.display.rendered import Rendered
from workshop_kit.errors import WorkshopError
from workshop_kit.exercises import cards
from workshop_kit.exercises.exercise_service import ExerciseService, Superseded
from workshop_kit.files import saves
from workshop_kit.reporting import Report, silent
from workshop_kit.trials.result import Result, Verdict
from workshop_kit.workspace.registry import Exercise

HERE = Path(__file__).parent


class ExerciseWidget(JobWidget):
    """The panel's state in the browser. HTML in it is escaped by `cards`.

    It receives ``{"do": "check"}`` and the like, and ``{"do": "on_save", "on": true}`` from the switch.
    """

    _esm = PARTS + (HERE / "panel.js").read_text()
    _css = cards.PANEL_CSS
    name = traitlets.Unicode().tag(sync=True)
    lesson = traitlets.Unicode().tag(sync=True)
    paths = traitlets.List(traitlets.Unicode()).tag(sync=True)  # as JupyterLab knows them; [] if in the notebook
    place = traitlets.Unicode().tag(sync=True)  # ``lines 34–43 of config.py``
    passed = traitlets.Bool().tag(sync=True)
    on_save = traitlets.Bool().tag(sync=True)  # whether a save starts a check
    head = traitlets.Unicode().tag(sync=True)
    result = traitlets.Unicode().tag(sync=True)
    hints = traitlets.List(traitlets.Unicode()).tag(sync=True)  # those shown so far, a paragraph each
    hints_there = traitlets.Int().tag(sync=True)
    solution = traitlets.Unicode().tag(sync=True)
    board = traitlets.Unicode().tag(sync=True)


@dataclass(frozen=True)
class TaskValues:
    """The values in a task by name: numbers from the seed, and the container that it is about.

    Looking one up makes the container if it is absent.
    """

    exercise_service: ExerciseService
    exercise_id: str

    def __getitem__(self, name: str) -> Any:
        """Return the value called ``name``. Raises WorkshopError if ``task`` is another exercise's."""
        values = {**self.exercise_service.given(self.exercise_id), **self.exercise_service.fixture(self.exercise_id)}
        if name not in values:
            names = ", ".join(values) or "no values"
            raise WorkshopError(
                f"This task has no {name!r}: it belongs to another exercise, with {names}.",
                "Run the cell above that shows the exercise, then this one again.",
            )
        return values[name]


@dataclass
class ExercisePanel:
    """One exercise on the page. ``result`` is the last check's in this panel.

    Clicks are handled in threads. A check runs in its own thread, so the other buttons answer meanwhile.
    ``must_pass``: the solutions are in place, so a failed check is an error in a headless run.
    """

    exercise: Exercise
    exercise_service: ExerciseService
    headless: bool = False
    must_pass: bool = False
    result: Result | None = None
    solution: Rendered | None = None
    job: Job = field(init=False, repr=False)
    _stop_watching: threading.Event = field(default_factory=threading.Event, repr=False)
    _checked_files: tuple[bytes, ...] = ()  # the files' content at the last check

    def __post_init__(self) -> None:
        self.job = Job(None if self.headless else self._widget(), self.page, self._state)

    @property
    def passed(self) -> bool:
        """Whether the exercise ever was passed."""
        return self.exercise_service.progress.exercise(self.exercise.id).passed_at is not None

    @property
    def given(self) -> TaskValues:
        """The values in the task: ``task.given["container"]``."""
        return TaskValues(self.exercise_service, self.exercise.id)

    def page(self) -> Rendered:
        """Return the panel for a page without a kernel."""
        hints = self.exercise_service.hints_shown(self.exercise.id)
        return cards.exercise_page(self.exercise, self.result, hints, passed=self.passed, solution=self.solution)

    def show(self) -> None:
        """Show the panel; in a headless run check the file first."""
        if self.headless and self.exercise.file:
            self._check_headless()
        self.job.show()

    def hand_in(self, value: Any) -> None:
        """Record the value that the cell computed, and check it: text, numbers, lists, dictionaries of them."""
        self.exercise_service.hand_in(self.exercise.id, value, running_cell())
        if self.headless:
            self._check_headless()
        else:
            self.job.run(self._check)
        if self.result is not None:
            display(cards.result_card(self.result))  # type: ignore[no-untyped-call]

    def stop(self) -> None:
        """End checks on save, and the check that runs."""
        self._stop_watching.set()
        self.exercise_service.stop_checks(self.exercise.id)
        self.job.set(on_save=False)

    def _widget(self) -> ExerciseWidget:
        paths = [part.path for part in self.exercise.parts] if self.exercise.file else []
        hint_count = len(self.exercise.hints)
        exercise = self.exercise
        widget = ExerciseWidget(
            name=exercise.id, lesson=exercise.lesson, paths=paths, hints_there=hint_count, **self._state()
        )
        widget.on_msg(self.handle_message)
        return widget

    def handle_message(self, widget: ExerciseWidget, content: Mapping[str, Any], _: object) -> None:
        """Handle a message of the page; runs in its own thread while a cell is busy."""
        match content:
            case {"do": "check"}:
                self.job.start(f"check {self.exercise.id}", self._check)
            case {"do": _}:
                self.job.answer(lambda: self._answer(widget, content))

    def _answer(self, widget: ExerciseWidget, content: Mapping[str, Any]) -> str:
        """Do a click's quick work, and return a sentence about it, or ""."""
        service = self.exercise_service
        identifier = self.exercise.id
        match content:
            case {"do": "hint"}:
                service.hint(identifier)
            case {"do": "solution" | "anyway" as asked}:
                text = service.solution(identifier, anyway=asked == "anyway")
                if text is None:
                    widget.send({"ask": "solution"})
                else:
                    self.solution = cards.solution_card(text)
            case {"do": "compare"}:
                self.solution = cards.comparison_card(*service.compare(identifier))
            case {"do": "reset"}:
                sentence = service.reset(identifier)
                self.result = None
                self.solution = None
                self._checked_files = self._files()  # a reset is no save
                return sentence
            case {"do": "on_save", "on": bool(on)}:
                self._check_on_save() if on else self.stop()
        return ""

    def _check(self, report: Report) -> None:
        self._checked_files = self._files()
        with contextlib.suppress(Superseded):
            self.result = self.exercise_service.check(self.exercise.id, report)

    def _check_headless(self) -> None:
        self._check(silent)
        good_verdicts = {Verdict.PASSED, Verdict.CANNOT_JUDGE}
        if self.must_pass and self.result is not None and self.result.verdict not in good_verdicts:
            sentence = f"{self.exercise.id} is not passed: {self.result.summary}"
            raise WorkshopError(sentence, output=self.result.output)

    def _check_on_save(self) -> None:
        self._stop_watching.set()
        self._checked_files = self._files()
        self._stop_watching = threading.Event()
        threading.Thread(target=self._watch, args=(self._stop_watching,), name="saves", daemon=True).start()
        self.job.set(on_save=True)

    def _watch(self, stop: threading.Event) -> None:
        """Check the newest text after each save; a check of an older text ends."""
        folders = {file.parent for file in self._paths()}
        for _ in saves(self.exercise_service.workspace.folder, *folders, stop=stop):
            if self._is_edited():
                self.exercise_service.stop_checks(self.exercise.id)
                self.job.start(f"check {self.exercise.id}", self._check, self._is_edited)

    def _is_edited(self) -> bool:
        return self._files() != self._checked_files

    def _paths(self) -> list[Path]:
        return [self.exercise_service.workspace.folder / part.path for part in self.exercise.parts]

    def _files(self) -> tuple[bytes, ...]:
        return tuple(file.read_bytes() if file.is_file() else b"" for file in self._paths())

    def _state(self) -> dict[str, Any]:
        files = self.exercise_service.exercise_files(self.exercise)
        return {
            "place": files.place(self.exercise.file) if self.exercise.file else "",
            "passed": self.passed,
            "head": cards.head_html(self.exercise, self.result, passed=self.passed),
            "result": cards.result_html(self.result) if self.result else "",
            "hints": cards.hint_items(self.exercise_service.hints_shown(self.exercise.id)),
            "solution": self.solution.html if self.solution else "",
            "board": self.exercise_service.board(self.exercise.lesson).html,
        }


def running_cell() -> str:
    """Return the text of the running cell; empty outside of a notebook."""
    shell = get_ipython()
    history = shell.user_ns.get("In", [""]) if shell else [""]
    return str(history[-1])
