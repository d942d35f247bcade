"""The panel of an exercise in its notebook: buttons for check, hint, solution and reset, and their results."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import traitlets
from IPython.display import display

from workshop_kit.display.rendered import Rendered
from workshop_kit.exercises.cards import (
    comparison_html,
    exercise_page,
    head_html,
    hint_items,
    result_html,
    solution_html,
)
from workshop_kit.exercises.exercise_service import ExerciseService, Superseded
from workshop_kit.exercises.registry import Exercise
from workshop_kit.exercises.result import Result
from workshop_kit.exercises.widget_job import PARTS, Job, JobWidget
from workshop_kit.progress import Report

HERE = Path(__file__).parent


class ExerciseWidget(JobWidget):
    """The panel's state in the browser. HTML in it is escaped by `cards`.

    It receives ``{"do": "check"}`` and the like, and ``{"do": "on_save", "on": true}`` from the switch.
    """

    _esm = PARTS + (HERE / "panel.js").read_text()
    _css = HERE / "panel.css"
    name = traitlets.Unicode().tag(sync=True)
    path = traitlets.Unicode().tag(sync=True)  # as JupyterLab knows it; "" for an exercise in the notebook
    place = traitlets.Unicode().tag(sync=True)  # ``lines 34–43 of config.py``
    passed = traitlets.Bool().tag(sync=True)
    on_save = traitlets.Bool().tag(sync=True)  # whether a save starts a check
    head = traitlets.Unicode().tag(sync=True)
    result = traitlets.Unicode().tag(sync=True)
    hints = traitlets.List(traitlets.Unicode()).tag(sync=True)  # those shown so far, a paragraph each
    hints_there = traitlets.Int().tag(sync=True)
    solution = traitlets.Unicode().tag(sync=True)
    board = traitlets.Unicode().tag(sync=True)


@dataclass
class Panel:
    """One exercise on the page. ``passed`` says whether it ever was; ``result`` is the last check's in this panel.

    Clicks are handled in threads. A check runs in its own thread, so the other buttons answer meanwhile.
    """

    exercise: Exercise
    exercise_service: ExerciseService
    headless: bool = False
    result: Result | None = None
    hints: tuple[str, ...] = ()
    passed: bool = False
    solution: str = ""
    comparison: tuple[str, str] | None = None
    job: Job | None = field(default=None, repr=False)  # None in a headless run
    _save_number: int = 0
    _stop_watching: threading.Event | None = field(default=None, repr=False)  # None while the switch is off
    _checked_files: tuple[bytes, ...] = ()  # the files' content at the last check

    def page(self) -> Rendered:
        """Return the panel for a page without a kernel."""
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
        path = self.exercise.path if self.exercise.file else ""
        there = len(self.exercise.hints)
        widget = ExerciseWidget(name=self.exercise.id, path=path, hints_there=there, **self._state())
        self.job = Job(widget, self.page, self._state)
        self.job.answer(self._refresh_board)
        widget.on_msg(self._clicked)
        self.job.show()

    def check(self) -> None:
        """Run the check, show its progress and its result; while another check runs, do nothing."""
        if self.job is not None:
            self.job.run(self._check)

    def stop(self) -> None:
        """End checks on save, and the check that runs because of one."""
        watching, self._stop_watching = self._stop_watching, None
        if watching is not None:
            watching.set()
            self.exercise_service.stop_check(self.exercise.id)
        if self.job is not None:
            self.job.set(on_save=False)

    def _clicked(self, _: object, content: Mapping[str, Any], __: object) -> None:
        """Handle a message of the page; runs in its own thread while a cell is busy."""
        if self.job is None:
            return
        match content:
            case {"do": "check"}:
                self.job.start(f"check {self.exercise.id}", self._check)
            case {"do": "hint"}:
                self.job.answer(self._hint)
            case {"do": "solution"}:
                self.job.answer(lambda: self._show_solution(anyway=False))
            case {"do": "anyway"}:
                self.job.answer(lambda: self._show_solution(anyway=True))
            case {"do": "compare"}:
                self.job.answer(self._compare)
            case {"do": "reset"}:
                self.job.answer(self._reset)
            case {"do": "on_save", "on": bool(on)}:
                self.job.answer(self._check_on_save if on else self.stop)

    def _check(self, report: Report) -> str:
        self._checked_files = self._files()
        try:
            self.result = self.exercise_service.check(self.exercise.id, report)
        except Superseded:
            return ""
        self.passed = self.passed or self.result.passed
        self._refresh_board()
        return ""

    def _check_on_save(self) -> None:
        self.stop()
        self._checked_files, self._stop_watching = self._files(), threading.Event()
        threading.Thread(target=self._watch, args=(self._stop_watching,), name="saves", daemon=True).start()
        if self.job is not None:
            self.job.set(on_save=True)

    def _watch(self, stop: threading.Event) -> None:
        for _ in self.exercise_service.saves(self.exercise.id, stop):
            if self._files() != self._checked_files:
                self._save_number += 1
                self.exercise_service.stop_check(self.exercise.id)  # it checks an older text
                name = f"check {self.exercise.id}"
                threading.Thread(target=self._check_save, args=(self._save_number,), name=name, daemon=True).start()

    def _check_save(self, number: int) -> None:
        """Check the files of a save, unless a newer save waits by the time that the running check has ended."""
        if self.job is not None:
            self.job.run(self._check, lambda: number == self._save_number)

    def _files(self) -> tuple[bytes, ...]:
        files = self.exercise_service.files(self.exercise.id)
        return tuple(file.read_bytes() if file.is_file() else b"" for file in files)

    def _hint(self) -> None:
        self.hints = self.exercise_service.hint(self.exercise.id)
        self._refresh_board()

    def _show_solution(self, *, anyway: bool) -> None:
        text = self.exercise_service.solution(self.exercise.id, anyway=anyway)
        if text is not None:
            self.solution = text
        elif self.job is not None:
            self.job.widget.send({"ask": "solution"})

    def _compare(self) -> None:
        self.comparison = self.exercise_service.compare(self.exercise.id)

    def _reset(self) -> str:
        sentence = self.exercise_service.reset(self.exercise.id)
        self.result, self.solution, self.comparison = None, "", None
        self._checked_files = self._files()  # a reset is no save
        self._refresh_board()
        return sentence

    def _refresh_board(self) -> None:
        if self.job is not None:
            self.job.set(board=self.exercise_service.board(self.exercise.lesson).html)

    def _state(self) -> dict[str, Any]:
        """Return the widget's state that follows from this panel's."""
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
        """Return the lines and names of the files to edit: ``lines 3–9 of Dockerfile, a.txt and b.txt``."""
        if self.exercise.file is None:
            return ""
        first, *others = (file.name for file in self.exercise_service.files(self.exercise.id))
        lines = self.exercise_service.lines(self.exercise.id)
        names = [f"{lines} of {first}" if lines else first, *others]
        return " and ".join([", ".join(names[:-1]), names[-1]]) if others else names[0]
