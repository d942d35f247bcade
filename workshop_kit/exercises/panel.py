"""An exercise in its notebook: ``task = w.exercise("logging.parse")`` shows its panel and hands in its answer."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import traitlets
from IPython.core.getipython import get_ipython
from IPython.display import display

from workshop_kit.display.rendered import PANEL_CSS, Rendered
from workshop_kit.display.widget_job import PARTS, Job, JobWidget
from workshop_kit.errors import WorkshopError
from workshop_kit.exercises import cards
from workshop_kit.exercises.exercise_service import ExerciseService, Superseded
from workshop_kit.reporting import Report, silent
from workshop_kit.trials.result import Result, Verdict
from workshop_kit.workspace.exercise_list import Exercise

HERE = Path(__file__).parent


class ExerciseWidget(JobWidget):
    """The panel's state in the browser. `cards` has escaped the HTML in it.

    The page sends ``{"do": "check"}`` and the like.
    """

    _esm = PARTS + (HERE / "panel.js").read_text()
    _css = PANEL_CSS
    name = traitlets.Unicode().tag(sync=True)
    lesson = traitlets.Unicode().tag(sync=True)
    definitions = traitlets.Dict().tag(sync=True)  # names by path; {} if the exercise is in the notebook
    place = traitlets.Unicode().tag(sync=True)  # ``live, check in health.py``
    passed = traitlets.Bool().tag(sync=True)
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
        numbers = self.exercise_service.task_numbers(self.exercise_id)
        values = {**numbers, **self.exercise_service.fixture(self.exercise_id)}
        if name not in values:
            names = ", ".join(values) or "no values"
            raise WorkshopError(
                f"This task has no {name!r}: it belongs to another exercise, with {names}.",
                "Run the cell above that shows the exercise, then this one again.",
            )
        return values[name]


@dataclass
class ExercisePanel:
    """One exercise on the page. ``result`` is that of the last check in this panel.

    Clicks are handled in threads. A check runs in its own thread, so that the other buttons work meanwhile.
    ``must_pass``: in a headless run with the solutions in place, a failed check is an error.
    """

    exercise: Exercise
    exercise_service: ExerciseService
    headless: bool = False
    must_pass: bool = False
    result: Result | None = None
    solution: Rendered | None = None
    job: Job = field(init=False, repr=False)

    def __post_init__(self) -> None:
        widget = None if self.headless else self._make_widget()
        self.job = Job(widget, self.page, self._widget_state)

    @property
    def passed(self) -> bool:
        """Whether the exercise was passed, in this panel or earlier."""
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
        """Record the value that the cell computed, check it, and show the result.

        The value may be text, numbers, lists and dictionaries of them.
        """
        self.exercise_service.hand_in(self.exercise.id, value, running_cell())
        if self.headless:
            self._check_headless()
        else:
            self.job.run(self._run_check)

        if self.result is not None:
            display(cards.result_card(self.result))  # type: ignore[no-untyped-call]

    def stop(self) -> None:
        """End the check that runs."""
        self.exercise_service.stop_checks(self.exercise.id)

    def _make_widget(self) -> ExerciseWidget:
        exercise = self.exercise
        files = self.exercise_service.exercise_files(exercise)
        widget = ExerciseWidget(
            name=exercise.id,
            lesson=exercise.lesson,
            definitions={path: list(files.names(path)) for path in files.solution} if exercise.file else {},
            hints_there=len(exercise.hints),
            **self._widget_state(),
        )
        widget.on_msg(self.handle_message)
        return widget

    def handle_message(self, widget: ExerciseWidget, content: Mapping[str, Any], _: object) -> None:
        """Handle a message of the page; it is called in a thread of its own while a cell is busy."""
        match content:
            case {"do": "check"}:
                self.job.start(f"check {self.exercise.id}", self._run_check)
            case {"do": _}:
                self.job.answer(lambda: self._do_click(widget, content))

    def _do_click(self, widget: ExerciseWidget, content: Mapping[str, Any]) -> str:
        """Do what a click asks for, except a check; return a sentence about it, or ""."""
        service = self.exercise_service
        identifier = self.exercise.id
        match content:
            case {"do": "hint"}:
                service.hint(identifier)
            case {"do": "solution" | "anyway" as click}:
                self._show_solution(widget, anyway=click == "anyway")
            case {"do": "compare"}:
                own_text, reference = service.compare(identifier)
                self.solution = cards.comparison_card(own_text, reference)
            case {"do": "reset"}:
                return self._reset()
        return ""

    def _show_solution(self, widget: ExerciseWidget, *, anyway: bool) -> None:
        """Show the solution; while it is locked, let the page ask whether to show it anyway."""
        text = self.exercise_service.solution(self.exercise.id, anyway=anyway)
        if text is None:
            widget.send({"ask": "solution"})
        else:
            self.solution = cards.solution_card(text)

    def _reset(self) -> str:
        """Reset the exercise and the panel; return a sentence about it."""
        sentence = self.exercise_service.reset(self.exercise.id)
        self.result = None
        self.solution = None
        return sentence

    def _run_check(self, report: Report) -> None:
        with contextlib.suppress(Superseded):
            self.result = self.exercise_service.check(self.exercise.id, report)

    def _check_headless(self) -> None:
        """Run a check without a widget. Raises WorkshopError if the exercise has to pass and was judged not to.

        A check that could not judge raises nothing, nor does one that a newer check replaced, which has no result.
        """
        self._run_check(silent)
        if not self.must_pass or self.result is None:
            return

        if self.result.verdict not in {Verdict.PASSED, Verdict.CANNOT_JUDGE}:
            sentence = f"{self.exercise.id} is not passed: {self.result.summary}"
            raise WorkshopError(sentence, output=self.result.output)

    def _widget_state(self) -> dict[str, Any]:
        """Return the values of the widget that change with the exercise's state."""
        files = self.exercise_service.exercise_files(self.exercise)
        shown_hints = self.exercise_service.hints_shown(self.exercise.id)
        return {
            "place": files.place(self.exercise.file) if self.exercise.file else "",
            "passed": self.passed,
            "head": cards.head_html(self.exercise, self.result, passed=self.passed),
            "result": cards.result_html(self.result) if self.result else "",
            "hints": cards.hint_items(shown_hints),
            "solution": self.solution.html if self.solution else "",
            "board": self.exercise_service.board(self.exercise.lesson).html,
        }


def running_cell() -> str:
    """Return the text of the running cell; "" outside of a notebook."""
    shell = get_ipython()
    if shell is None:
        return ""

    cells = shell.user_ns.get("In", [""])
    return str(cells[-1])
