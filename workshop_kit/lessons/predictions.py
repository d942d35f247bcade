"""Predictions: four options in a file, one click that locks a guess, and the outcome after the experiment.

The questions of a lesson stand beside its notebook in ``notebooks/NN_lesson.toml``, one table for each::

    [predictions.shell-form-stop]
    question = "You stop the container. What happens?"
    right = "killed"
    [predictions.shell-form-stop.options]
    at-once = { text = "It ends at once.", reason = "It would, if the signal reached it." }
    ...

The table's name is the id, and ``right`` is the key of the option that usually happens.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Self

import traitlets
from pydantic import BaseModel, Field, model_validator

from workshop_kit.display.rendered import WIDGET_CSS, Rendered, table, template
from workshop_kit.display.widget_job import PARTS, Job, JobWidget
from workshop_kit.errors import WrongUsage
from workshop_kit.exercises.progress import Progress
from workshop_kit.files import load_document
from workshop_kit.workspace.course import SHORT, lessons_with_tables, tables_path
from workshop_kit.workspace.exercise_list import Entry

HERE = Path(__file__).parent
OPTIONS = 4
CSS = WIDGET_CSS + (HERE / "prediction.css").read_text()
STYLE = f"<style>{CSS}</style>"
HOW = "In JupyterLab, run this cell to answer."
NOT_GUESSED = "You did not guess. Next time, guess first: it makes the answer stick."
RIGHT = "✓ As you said."
NOT_USUAL = "The reasons are for that."
"""Stands behind what usually happens, where the experiment did something else."""
WRONG = "≠ Not what you said. Good: now there is something to find out."

Sentence = Annotated[str, Field(min_length=1)]


class Option(Entry):
    """One answer, and a sentence that says why it is right or wrong. The sentence is shown after the experiment."""

    text: Sentence
    reason: Sentence


class Question(Entry):
    """A question with its options by key, in the order in which they are shown."""

    question: Sentence
    right: str
    options: Mapping[str, Option]

    @model_validator(mode="after")
    def _check_options(self) -> Self:
        if len(self.options) != OPTIONS:
            raise ValueError(f"a prediction has {OPTIONS} options, not {len(self.options)}")
        if self.right not in self.options:
            raise ValueError(f"`right` is {self.right!r}, which is none of its options ({', '.join(self.options)})")
        return self


class _Tables(BaseModel):
    """What is read here of a lesson's tables; the others have their own readers."""

    predictions: dict[str, Question] = Field(default_factory=dict)


def load_questions(lesson: str, folder: Path) -> dict[str, Question]:
    """Return the questions of one lesson by their names; none without a file. Raises WorkshopError."""
    path = tables_path(lesson, folder)
    if not path.is_file():
        return {}
    return load_document(path, _Tables).predictions


def load_all_questions(folder: Path) -> dict[str, Question]:
    """Return the questions of all lessons by the id under which progress stores a guess (``lesson.id``)."""
    questions: dict[str, Question] = {}
    for lesson in lessons_with_tables(folder):
        for name, question in load_questions(lesson, folder).items():
            questions[f"{lesson}.{name}"] = question
    return questions


def find_question(name: str, lesson: str, folder: Path) -> tuple[str, Question]:
    """Return a question of a lesson with its id. The short notebook, which has none, asks those of all lessons.

    Raises WrongUsage for an unknown name.
    """
    questions = load_all_questions(folder)
    own_id = f"{lesson}.{name}"
    ids = [identifier for identifier in questions if identifier.partition(".")[2] == name]
    if own_id in ids:
        return own_id, questions[own_id]
    if lesson == SHORT and ids:
        return ids[0], questions[ids[0]]

    own_names = [identifier.partition(".")[2] for identifier in questions if identifier.startswith(f"{lesson}.")]
    raise WrongUsage(f"{lesson} has no prediction {name!r}.", f"Use one of: {', '.join(own_names)}.")


class PredictionWidget(JobWidget):
    """The question with its buttons; `question_page` is the static version for exported pages."""

    _esm = PARTS + (HERE / "prediction.js").read_text()
    _css = CSS
    question = traitlets.Unicode().tag(sync=True)
    choices = traitlets.List(traitlets.Dict()).tag(sync=True)
    locked = traitlets.Unicode().tag(sync=True)  # the key of the guess; "" while there is none
    actual = traitlets.Unicode().tag(sync=True)  # the key of what happened; "" while unknown


@dataclass
class Prediction:
    """A question on the page. Progress stores the guess under ``id`` (``lesson.id``).

    A locked guess stays locked: in a new kernel, on a reloaded page, and when the cell runs again.
    """

    id: str
    question: Question
    progress: Progress
    headless: bool = False
    job: Job = field(init=False, repr=False)

    def __post_init__(self) -> None:
        widget = None if self.headless else self._make_widget()
        self.job = Job(widget, self._page, self._state)

    @property
    def choice(self) -> str | None:
        """The key of the locked guess; None before the first click, and always in a headless run."""
        if self.headless:
            return None

        guess = self.progress.guess(self.id)
        if guess is None or guess.choice not in self.question.options:
            return None
        return guess.choice

    def show(self) -> Self:
        """Show the widget and the static page; a headless run shows the static page alone."""
        self.job.show()
        return self

    def _page(self) -> Rendered:
        return question_page(self.question, self.choice)

    def _state(self) -> dict[str, str]:
        """Return the values of the widget that a click may change."""
        return {"locked": self.choice or ""}

    def _make_widget(self) -> PredictionWidget:
        """Return the widget of the question, which sends clicks to `handle_message`."""
        choices = [{"key": key, "text": option.text} for key, option in self.question.options.items()]
        widget = PredictionWidget(question=self.question.question, choices=choices, locked=self.choice or "")
        widget.on_msg(self.handle_message)
        return widget

    def reveal(self, actual: str) -> Rendered:
        """Record the result of the experiment; return the guess, the result, and the reason of each option.

        A headless run shows the first wrong option as the guess and records nothing.
        """
        if actual not in self.question.options:
            option_keys = ", ".join(self.question.options)
            raise WrongUsage(f"{actual!r} is no option of prediction {self.id}.", f"Use one of: {option_keys}.")

        if self.headless:
            wrong_guess = next(key for key in self.question.options if key != actual)
            return outcome(self.question, wrong_guess, actual)

        self.progress.record_actual(self.id, actual)
        self.job.set(actual=actual)
        return outcome(self.question, self.choice, actual)

    def handle_message(self, _: object, content: Mapping[str, Any], __: object) -> None:
        """Handle a message of the page. It runs in its own thread while a cell is busy."""
        match content:
            case {"lock": str(key)}:
                self.job.answer(partial(self.progress.lock_guess, self.id, key, self.question.options))


def question_page(question: Question, locked: str | None) -> Rendered:
    """Return the question and its options as static text; the locked option is marked."""
    html = template(HERE / "prediction.html").render(question=question, locked=locked, how=HOW)
    lines = [question.question]
    for key, option in question.options.items():
        line = f"◉ {option.text}  (your guess)" if key == locked else f"○ {option.text}"
        lines.append(line)
    return Rendered(STYLE + html, "\n".join(lines))


def outcome(question: Question, guess: str | None, actual: str) -> Rendered:
    """Return the guess, the result, and the reason of each option.

    The reasons describe what usually happens; the text says so when the experiment did something else.
    """
    return Rendered(_outcome_table(question, guess, actual).html, _outcome_text(question, guess, actual))


def _outcome_text(question: Question, guess: str | None, actual: str) -> str:
    """Return an outcome as plain text: what was said, what happened, then each option with its reason."""
    options = question.options
    lines = []
    if guess is not None:
        lines.append(f"You said:      {options[guess].text}")
    lines.append(f"What happened: {options[actual].text}")
    lines.append(_verdict(guess, actual))
    usual_outcome = _usual_outcome(question, actual)
    if usual_outcome:
        lines.append(usual_outcome)

    lines.append("")
    for key, option in options.items():
        mark = "→" if key == actual else "-"
        lines.append(f"{mark} {option.text}")
        lines.append(f"  {option.reason}")
    return "\n".join(lines)


def _outcome_table(question: Question, guess: str | None, actual: str) -> Rendered:
    """Return an outcome as a table: each option with its reason; the row of what happened is marked."""
    tag_by_option = {guess: "You said", actual: "What happened"}
    if guess == actual:
        tag_by_option = {actual: "You said so, and it happened"}

    rows = [(tag_by_option.get(key, ""), option.text, option.reason) for key, option in question.options.items()]
    actual_row = list(question.options).index(actual)
    title = f"{question.question} {_verdict(guess, actual)} {_usual_outcome(question, actual)}".strip()
    return table(title, ("", "Option", "Why"), rows, marked_row=actual_row)


def _verdict(guess: str | None, actual: str) -> str:
    """Return the sentence that says whether a guess was right."""
    if guess is None:
        return NOT_GUESSED
    return RIGHT if guess == actual else WRONG


def _usual_outcome(question: Question, actual: str) -> str:
    """Return a sentence on what usually happens; "" if that happened."""
    if actual == question.right:
        return ""
    return f"Usually: {question.options[question.right].text} {NOT_USUAL}"
