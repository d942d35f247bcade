"""The panel of an exercise in its notebook: check, hint, solution, reset, and what came of it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import anywidget
import traitlets
from IPython.display import DisplayHandle, display

from workshop_kit.errors import WorkshopError
from workshop_kit.exercises.cards import (
    comparison_html,
    exercise_page,
    head_html,
    hint_items,
    result_html,
    solution_html,
)
from workshop_kit.exercises.exercise_service import Superseded
from workshop_kit.exercises.registry import Exercise
from workshop_kit.exercises.result import Result
from workshop_kit.exercises.widget_job import PARTS, TICK_SECONDS
from workshop_kit.progress import Report, Step
from workshop_kit.display.live_widget import answer_while_busy
from workshop_kit.display.rendered import Rendered

HERE = Path(__file__).parent


class Actions(Protocol):
    """What the buttons do. Everything may raise WorkshopError, and is called in a thread."""

    @property
    def path(self) -> str:
        """The file to edit, as JupyterLab knows it; empty for an exercise in the notebook."""

    @property
    def files(self) -> tuple[Path, ...]:
        """All that the participant edits for it."""

    def saves(self, stop: threading.Event) -> Iterator[frozenset[str]]:
        """Yield once for each time that files beside these were saved, until ``stop`` is set."""

    def lines(self) -> str:
        """Where in that file the participant's region is now: ``lines 34–43``; "" where that cannot be told."""

    def check(self, report: Report) -> Result:
        """Check what the participant has now; takes up to 20 s and reports on the way. Raises Superseded."""

    def end(self) -> None:
        """End the check that runs, if one does."""

    def hint(self) -> tuple[str, ...]:
        """Show the next hint, and return all that are shown."""

    def solution(self, *, anyway: bool) -> str | None:
        """Return the solution's text; None while it is locked and not asked for ``anyway``."""

    def compare(self) -> tuple[str, str]:
        """Return the participant's text and the reference's."""

    def reset(self) -> str:
        """Put the starter back, and return one sentence: what was reset and where the old text is kept."""

    def board(self) -> Rendered:
        """Return where the participant stands in all exercises."""


class ExerciseWidget(anywidget.AnyWidget):
    """The panel as it is clicked. HTML in it is escaped by `cards`.

    It receives ``{"do": "check"}`` and the like, and ``{"do": "on_save", "on": true}`` from the switch.
    """

    _esm = PARTS + (HERE / "panel.js").read_text()
    _css = HERE / "panel.css"
    name = traitlets.Unicode().tag(sync=True)
    path = traitlets.Unicode().tag(sync=True)  # as JupyterLab knows it; "" for an exercise in the notebook
    place = traitlets.Unicode().tag(sync=True)  # ``lines 34–43 of config.py``
    passed = traitlets.Bool().tag(sync=True)
    on_save = traitlets.Bool().tag(sync=True)  # whether a save is checked
    head = traitlets.Unicode().tag(sync=True)
    result = traitlets.Unicode().tag(sync=True)
    hints = traitlets.List(traitlets.Unicode()).tag(sync=True)  # those shown so far, a paragraph each
    hints_there = traitlets.Int().tag(sync=True)
    solution = traitlets.Unicode().tag(sync=True)
    board = traitlets.Unicode().tag(sync=True)
    doing = traitlets.Unicode().tag(sync=True)  # what the running check is at; "" while none runs
    fraction = traitlets.Float(-1.0).tag(sync=True)  # of the check; below 0 while nobody can know
    seconds = traitlets.Int().tag(sync=True)  # since the check began
    notice = traitlets.Unicode().tag(sync=True)  # one sentence about what was just done
    problem = traitlets.Unicode().tag(sync=True)  # one sentence, when it could not be done
    page = traitlets.Unicode().tag(sync=True)  # the static twin, for JupyterLab to keep in the notebook
    page_text = traitlets.Unicode().tag(sync=True)
    answered = traitlets.Int().tag(sync=True)  # how many buttons were answered: also changes when nothing else does

    def __repr__(self) -> str:
        """Nothing: an exported page shows it above the static twin, which says all there is to say."""
        return ""


@dataclass
class Panel:
    """One exercise on the page. ``result`` and ``hints`` are what there is already, ``passed`` whether it ever was.

    Clicks come in threads; a check runs in one of its own, so that the other buttons answer meanwhile.
    ``failure`` is the last error that was nobody's fault but ours: the page has only its kind.
    """

    exercise: Exercise
    actions: Actions
    headless: bool = False
    result: Result | None = None
    hints: tuple[str, ...] = ()
    passed: bool = False
    solution: str = ""
    comparison: tuple[str, str] | None = None
    failure: Exception | None = field(default=None, repr=False)
    _widget: ExerciseWidget | None = field(default=None, repr=False)
    _twin: DisplayHandle | None = field(default=None, repr=False)
    _drawing: threading.RLock = field(default_factory=threading.RLock, repr=False)
    _checking: threading.Lock = field(default_factory=threading.Lock, repr=False)
    _saves: int = 0
    _no_saves: threading.Event | None = field(default=None, repr=False)  # ends watching; None while nobody watches
    _checked: tuple[bytes, ...] = ()  # the files' texts at the last check

    def page(self) -> Rendered:
        """What a page without a kernel shows."""
        return exercise_page(
            self.exercise,
            self.result,
            self.hints,
            passed=self.passed,
            solution=self.solution,
            comparison=self.comparison,
        )

    def show(self) -> None:
        """Show the panel: as a widget with its static twin, or in a headless run as the twin alone."""
        if self.headless:
            display(self.page())  # type: ignore[no-untyped-call]
            return
        there, path = len(self.exercise.hints), self.actions.path
        self._widget = ExerciseWidget(name=self.exercise.id, path=path, hints_there=there, **self._drawn())
        self._attempt(self._refresh_board)
        self._widget.on_msg(self._clicked)
        answer_while_busy(self._widget)
        display(self._widget)  # type: ignore[no-untyped-call]
        self._twin = display(self.page(), display_id=True)  # type: ignore[no-untyped-call]

    def check(self) -> None:
        """Run the check, tell the page how far it is, and show what it found; a second one meanwhile does nothing."""
        if not self._checking.acquire(blocking=False):
            return
        try:
            self._run_check()
        finally:
            self._checking.release()

    def stop(self) -> None:
        """End checking on save, and the check that runs because of it."""
        no_saves, self._no_saves = self._no_saves, None
        if no_saves is not None:
            no_saves.set()
            self.actions.end()
        self._set(on_save=False)

    def _run_check(self) -> None:
        over = threading.Event()
        clock = threading.Thread(target=self._tick, args=(over,), name="exercise clock", daemon=True)
        self._set(doing="Checking …", fraction=-1.0, seconds=0)
        clock.start()
        try:
            self._attempt(self._check)
        finally:
            over.set()
            clock.join()
            self._set(doing="", seconds=0)

    def _clicked(self, _: object, content: Mapping[str, Any], __: object) -> None:
        """Handle a message of the page; runs in a thread of its own while a cell is busy."""
        match content.get("do"):
            case "check":
                threading.Thread(target=self.check, name=f"check {self.exercise.id}", daemon=True).start()
            case "hint":
                self._attempt(self._hint)
            case "solution":
                self._attempt(lambda: self._solve(anyway=False))
            case "anyway":
                self._attempt(lambda: self._solve(anyway=True))
            case "compare":
                self._attempt(self._compare)
            case "reset":
                self._attempt(self._reset)
            case "on_save":
                self._attempt(self._check_on_save if content.get("on") is True else self.stop)

    def _attempt(self, work: Callable[[], str | None]) -> None:
        """Do what a button asks for, and draw what came of it; whatever goes wrong is a sentence on the page."""
        notice, problem = "", ""
        try:
            notice = work() or ""
        except WorkshopError as error:
            problem = str(error)
        except Exception as error:  # its words may hold anything, so the page gets its kind only
            self.failure = error
            problem = f"That failed, and not through your text ({type(error).__name__}). Try it again."
        page = self.page()
        with self._drawing:  # two answers at once count as two
            answered = self._widget.answered + 1 if self._widget else 0
            told = {"notice": notice, "problem": problem, "page": page.html, "page_text": page.text}
            self._set(answered=answered, **told, **self._drawn())
        if self._twin is not None:
            self._twin.update(page)  # type: ignore[no-untyped-call]

    def _check(self) -> None:
        self._checked = self._texts()
        try:
            self.result = self.actions.check(self._report)
        except Superseded:
            return
        self.passed = self.passed or self.result.passed
        self._refresh_board()

    def _check_on_save(self) -> None:
        self.stop()
        self._checked, self._no_saves = self._texts(), threading.Event()
        threading.Thread(target=self._watch, args=(self._no_saves,), name="saves", daemon=True).start()
        self._set(on_save=True)

    def _watch(self, stop: threading.Event) -> None:
        for _ in self.actions.saves(stop):
            self._saved()

    def _saved(self) -> None:
        """Check what was just saved; the check that runs is of an older text, and is ended."""
        if self._texts() == self._checked:
            return
        self._saves += 1
        self.actions.end()
        name = f"check {self.exercise.id}"
        threading.Thread(target=self._check_saved, args=(self._saves,), name=name, daemon=True).start()

    def _check_saved(self, save: int) -> None:
        with self._checking:
            if save == self._saves:  # else a newer one waits
                self._run_check()

    def _texts(self) -> tuple[bytes, ...]:
        return tuple(file.read_bytes() if file.is_file() else b"" for file in self.actions.files)

    def _hint(self) -> None:
        self.hints = self.actions.hint()
        self._refresh_board()

    def _solve(self, *, anyway: bool) -> None:
        text = self.actions.solution(anyway=anyway)
        if text is not None:
            self.solution = text
        elif self._widget is not None:
            self._widget.send({"ask": "solution"})

    def _compare(self) -> None:
        self.comparison = self.actions.compare()

    def _reset(self) -> str:
        said = self.actions.reset()
        self.result, self.solution, self.comparison = None, "", None
        self._checked = self._texts()  # nobody has saved anything
        self._refresh_board()
        return said

    def _report(self, step: Step) -> None:
        text = f"{step.task}: {step.detail}" if step.detail else step.task
        if not step.done:
            self._set(doing=text, fraction=-1.0 if step.fraction is None else step.fraction)

    def _tick(self, over: threading.Event) -> None:
        seconds = 0
        while not over.wait(TICK_SECONDS):
            seconds += 1
            self._set(seconds=seconds)

    def _refresh_board(self) -> None:
        self._set(board=self.actions.board().html)

    def _drawn(self) -> dict[str, Any]:
        """What of this panel the page shows, as the widget has it."""
        solution = comparison_html(*self.comparison) if self.comparison else solution_html(self.solution)
        return {
            "place": self._place(),
            "passed": self.passed,
            "head": head_html(self.exercise, self.result, passed=self.passed),
            "result": result_html(self.result) if self.result else "",
            "hints": hint_items(self.hints, len(self.exercise.hints)),
            "solution": solution,
        }

    def _place(self) -> str:
        name, lines = self.actions.path.rpartition("/")[2], self.actions.lines()
        names = [f"{lines} of {name}" if lines else name, *(file.name for file in self.actions.files[1:])]
        return " and ".join([", ".join(names[:-1]), names[-1]]) if len(names) > 1 else names[0]

    def _set(self, **state: Any) -> None:
        """Change what the page shows, in one message; from any thread."""
        if self._widget is None:
            return
        with self._drawing, self._widget.hold_sync():
            for name, value in state.items():
                setattr(self._widget, name, value)
