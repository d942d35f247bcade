"""Predict before you run: one click locks a guess, the experiment then says what it did."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import anywidget
import traitlets
from IPython.display import DisplayHandle, display

from workshop_kit.display.live_widget import answer_while_busy
from workshop_kit.display.rendered import Rendered
from workshop_kit.errors import WorkshopError, WrongUsage
from workshop_kit.exercises.progress import Progress
from workshop_kit.exercises.widget_job import PARTS
from workshop_kit.lessons.prediction_text import outcome, question_page
from workshop_kit.lessons.questions import Question

HERE = Path(__file__).parent


class PredictionWidget(anywidget.AnyWidget):
    """The question as it is clicked; its text twin for exported pages is `prediction_text.question_page`."""

    _esm = PARTS + (HERE / "prediction.js").read_text()
    _css = HERE / "prediction.css"
    question = traitlets.Unicode().tag(sync=True)
    choices = traitlets.List(traitlets.Dict()).tag(sync=True)
    locked = traitlets.Unicode().tag(sync=True)  # the key of the guess; "" while there is none
    actual = traitlets.Unicode().tag(sync=True)  # the key of what happened; "" while unknown
    problem = traitlets.Unicode().tag(sync=True)  # one sentence, when the guess could not be kept


@dataclass
class Prediction:
    """A question on the page; ``id`` is the one under which progress keeps the guess (``lesson.id``)."""

    id: str
    question: Question
    progress: Progress
    headless: bool = False
    _widget: PredictionWidget | None = field(default=None, repr=False)
    _twin: DisplayHandle | None = field(default=None, repr=False)

    @property
    def choice(self) -> str | None:
        """The key of the locked guess; None while there is none (and always in a headless run)."""
        guess = None if self.headless else self.progress.guess(self.id)
        return guess.choice if guess and guess.choice in self.question.options else None

    def show(self) -> None:
        """Show the question: as a widget with its static twin, or in a headless run as the twin alone."""
        page = question_page(self.question, self.choice)
        if self.headless:
            display(page)  # type: ignore[no-untyped-call]
            return
        self._widget = PredictionWidget(
            question=self.question.question,
            choices=[{"key": key, "text": option.text} for key, option in self.question.options.items()],
            locked=self.choice or "",
        )
        self._widget.on_msg(self._clicked)
        answer_while_busy(self._widget)
        display(self._widget)  # type: ignore[no-untyped-call]
        self._twin = display(page, display_id=True)  # type: ignore[no-untyped-call]

    def lock(self, key: str) -> str:
        """Lock ``key`` unless a guess is locked already; return the key that counts."""
        self._known(key)
        if self.choice is None:
            self.progress.lock_guess(self.id, key)
        counts = self.choice or key
        if self._widget is not None:
            self._widget.locked = counts
        self._refresh_twin()
        return counts

    def reveal(self, actual: str) -> Rendered:
        """Record what the experiment did and return what to show: the guess, what happened, and why.

        In a headless run nobody guesses, so the first option that is wrong stands in, and nothing is recorded.
        """
        self._known(actual)
        if self.headless:
            guess = next((key for key in self.question.options if key != actual), None)
            return outcome(self.question, guess, actual)
        guess = self.choice
        self.progress.record_actual(self.id, actual)
        if self._widget is not None:
            self._widget.actual = actual
        return outcome(self.question, guess, actual)

    def _clicked(self, _: object, content: Mapping[str, Any], __: object) -> None:
        """Handle a message of the page; runs in a thread of its own while a cell is busy."""
        key = content.get("lock")
        if not isinstance(key, str) or self._widget is None:
            return
        try:
            self.lock(key)
        except WorkshopError as error:
            self._widget.problem = str(error)

    def _refresh_twin(self) -> None:
        if self._twin is not None:
            page = question_page(self.question, self.choice)
            self._twin.update(page)  # type: ignore[no-untyped-call]

    def _known(self, key: str) -> None:
        if key not in self.question.options:
            known = ", ".join(self.question.options)
            raise WrongUsage(f"{key!r} is no option of prediction {self.id}.", f"Use one of: {known}.")


def predict(prediction_id: str, question: Question, *, progress: Progress, headless: bool = False) -> Prediction:
    """Show ``question`` and return the prediction, whose ``reveal`` the experiment calls.

    A guess that is locked stays locked: in a new kernel, on a reloaded page, in a cell that is run again.
    """
    prediction = Prediction(prediction_id, question, progress, headless)
    prediction.show()
    return prediction
