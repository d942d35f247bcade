"""What the audience's page shows: one view at a time, chosen by the presenter. It knows of no fault."""

from __future__ import annotations

import contextlib
import os
import statistics
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Self

from workshop_kit.errors import NotReady, WrongUsage
from workshop_kit.exercises.progress import Guess, Progress
from workshop_kit.lessons.predictions import Question
from workshop_kit.observe.logs.lines import level_group
from workshop_kit.observe.scrape import PROBES
from workshop_kit.untrusted_text import visible
from workshop_room.desk.error_sentences import sentence_for

VIEWS = ("dashboard", "recorded", "map", "predictions", "lines")
"""What the page can show."""
THEMES = ("", "light", "dark")
MOST_MINUTES = 600
MOST_ANSWERS = 12
MOST_ANSWER_CHARACTERS = 160
MOST_DIGITS = 4
MOST_FILES = 1_000
MOST_CHARACTERS = 900
"""Of a line that is shown."""


def grade(fields: Mapping[str, Any]) -> str:
    """Return the grade of a log line: ``error``, ``warning`` or ``other``.

    A line about a failed request is an error, as in the metrics. For a failed probe the level of the line counts.

    >>> grade({"level": "warning", "status": 503, "route": "/orders"}), grade({"level": "INFO", "status": 201})
    ('error', 'other')
    """
    status = fields.get("status", 200)
    failed = status is None or (isinstance(status, int) and status >= 500)
    if failed and str(fields.get("route")) not in PROBES:
        return "error"
    level = level_group(fields.get("level"))
    return level if level in {"error", "warning"} else "other"


@dataclass(frozen=True)
class OptionCount:
    """One answer and how many gave it; ``right`` marks the answer that came true."""

    text: str
    count: int
    right: bool = False


@dataclass(frozen=True)
class GivenAnswer:
    """One guess: the option, and the outcome on the same machine ("" before it, and always on a phone)."""

    choice: str
    outcome: str = ""
    on_phone: bool = False

    @property
    def has_outcome(self) -> bool:
        """Whether it can be compared with what happened: on a phone, with the outcome of the others."""
        return bool(self.outcome) or self.on_phone


@dataclass(frozen=True)
class GuessCounts:
    """The answers of an audience to one question, in the order of its options.

    ``surprised`` has two counts: those who guessed something else than happened, and those who know what happened.
    None means that the answer marked as right is what happened for everybody.
    """

    question: str
    answers: tuple[OptionCount, ...]
    surprised: tuple[int, int] | None = None

    @property
    def has_right_answer(self) -> bool:
        """Whether it is known which answer is right."""
        return any(answer.right for answer in self.answers)

    def headline(self, *, answer_shown: bool = True) -> str:
        """Return how many were surprised, in a sentence; without the right answer, how many answered.

        >>> GuessCounts("Is it hot?", (OptionCount("Yes", 2), OptionCount("No", 1, right=True))).headline()
        '2 of 3 of us were surprised.'
        """
        people = sum(answer.count for answer in self.answers)
        if not answer_shown or not self.has_right_answer:
            return f"{people} of us answered."

        if self.surprised is not None:
            surprised, witnesses = self.surprised
        else:
            surprised = sum(answer.count for answer in self.answers if not answer.right)
            witnesses = people

        group = "us" if witnesses == people else "us who have seen it"
        verb = "was" if surprised == 1 else "were"
        return f"{surprised} of {witnesses} of {group} {verb} surprised."

    def state(self, *, answer_shown: bool) -> dict[str, Any]:
        """Return the counts as plain data for JSON; ``right`` is true only if the answer is shown."""
        answers = [{**asdict(answer), "right": answer.right and answer_shown} for answer in self.answers]
        return {"question": self.question, "headline": self.headline(answer_shown=answer_shown), "answers": answers}

    @classmethod
    def of_text(cls, question: str, text: str) -> Self:
        """Return the counts in a pasted text: an answer a line (``It stays green: 23``), the right one behind a ``*``.

        Raises WrongUsage for a line without a count, for two right answers, and for no answer or too many.
        """
        answers = [_parse_answer(line.strip()) for line in text.splitlines() if line.strip()]
        if not answers or len(answers) > MOST_ANSWERS:
            raise WrongUsage(f"There are {len(answers)} answers; from 1 to {MOST_ANSWERS} can be shown.")
        right_answers = [answer for answer in answers if answer.right]
        if len(right_answers) > 1:
            raise WrongUsage("More than one answer is marked as right.", "Put * before one of them.")
        return cls(_shorten(question), tuple(answers))

    @classmethod
    def of_guesses(cls, guesses: Iterable[GivenAnswer], question: Question) -> Self:
        """Return the counts of guesses. The right answer is the outcome that most machines had.

        Before the first outcome, the right answer for everybody is the one in the table of predictions. A phone runs
        no experiment: its guess is compared with the right answer.
        """
        valid_guesses = [guess for guess in guesses if guess.choice in question.options]
        outcomes = [guess.outcome for guess in valid_guesses if guess.outcome]
        right_key = statistics.mode(outcomes) if outcomes else question.right

        counts = Counter(guess.choice for guess in valid_guesses)
        answers = tuple(
            OptionCount(_shorten(option.text), counts[key], key == right_key)
            for key, option in question.options.items()
        )
        question_text = _shorten(question.question)
        if not outcomes:
            return cls(question_text, answers)

        comparable_guesses = [guess for guess in valid_guesses if guess.has_outcome]
        wrong_guesses = [guess for guess in comparable_guesses if guess.choice != _outcome_of(guess, right_key)]
        return cls(question_text, answers, (len(wrong_guesses), len(comparable_guesses)))


def _outcome_of(guess: GivenAnswer, right_key: str) -> str:
    """Return what happened on the machine of a guess; the right answer where there is none, as on a phone."""
    return guess.outcome or right_key


@dataclass
class Countdown:
    """A countdown that the presenter sets, starts, pauses and resets. It stops at zero.

    ``clock`` returns monotonic seconds.
    """

    minutes: float = 5.0
    clock: Callable[[], float] = field(default=time.monotonic, repr=False)
    _paused: float | None = None  # the seconds that are left
    _end: float | None = None

    @property
    def seconds_left(self) -> float:
        """The seconds that are left; 0 once the time is over."""
        if self._end is not None:
            return max(self._end - self.clock(), 0.0)
        if self._paused is not None:
            return self._paused
        return self.minutes * 60

    def set(self, minutes: object) -> None:
        """Set the minutes and stop. Raises WrongUsage for anything but a positive number up to `MOST_MINUTES`."""
        number = 0.0
        if isinstance(minutes, int | float) and not isinstance(minutes, bool):
            number = minutes
        if not 0 < number <= MOST_MINUTES:
            raise WrongUsage(f"A countdown takes up to {MOST_MINUTES} minutes, and {minutes!r} is not.")
        self.minutes = float(number)
        self.reset()

    def start(self) -> None:
        """Start counting, or go on after a pause; once the time is over, start with all the minutes again."""
        if not self.seconds_left:
            self.reset()
        self._end = self.clock() + self.seconds_left

    def pause(self) -> None:
        """Stop counting and keep the seconds that are left."""
        if self._end is not None:
            self._paused = self.seconds_left
            self._end = None

    def reset(self) -> None:
        """Stop, with all the minutes left."""
        self._paused = None
        self._end = None

    def state(self) -> dict[str, Any]:
        """Return the countdown as plain data for JSON; ``idle`` is true until it is started."""
        seconds_left = self.seconds_left
        is_running = self._end is not None and seconds_left > 0
        is_idle = self._end is None and self._paused is None
        return {"seconds_left": round(seconds_left, 2), "runs": is_running, "idle": is_idle}


@dataclass(frozen=True)
class RequestLines:
    """The lines of a request, oldest first, each with its grade; none if the log has no such request."""

    request_id: str
    lines: tuple[tuple[str, str], ...] = ()

    @property
    def texts(self) -> list[str]:
        """The lines alone, with unsafe characters escaped."""
        return [visible(text, MOST_CHARACTERS) for _, text in self.lines]

    def state(self) -> dict[str, Any]:
        """Return plain data for JSON: the title, the request id, and for each line a grade, a text and a sentence.

        The sentence says what an error in the line means; it is "" for a line without one.
        """
        count = len(self.lines)
        request_id = visible(self.request_id, MOST_CHARACTERS)
        plural = "" if count == 1 else "s"
        title = f"{count} log line{plural} of the request {request_id}"

        grades = [grade for grade, _ in self.lines]
        sentences = [sentence_for(text) for _, text in self.lines]
        lines = list(zip(grades, self.texts, sentences, strict=True))
        return {"title": title, "request_id": request_id, "lines": lines}


@dataclass
class Audience:
    """What is shown, and in which theme ("": the system's).

    ``counts`` returns the counts of the prediction that is shown, as they are now; ``answer_shown`` says whether its
    right answer is shown, too.
    """

    shows: str = "dashboard"
    theme: str = ""
    countdown: Countdown = field(default_factory=Countdown)
    counts: Callable[[], GuessCounts] | None = None
    lines: RequestLines | None = None
    answer_shown: bool = False

    def show(self, what: object) -> None:
        """Show one of `VIEWS`. Raises WrongUsage for anything else, and for a view that has no content yet."""
        if what not in VIEWS:
            raise WrongUsage(f"The room cannot be shown {what!r}.", f"Choose from: {', '.join(VIEWS)}.")

        view = str(what)
        contents = {"predictions": self.counts, "lines": self.lines}
        if view in contents and contents[view] is None:
            raise WrongUsage(f"There are no {what} to show yet.", "Count predictions, or find a request, first.")
        self.shows = view

    def set_theme(self, theme: object) -> None:
        """Use one of `THEMES`. Raises WrongUsage for anything else."""
        if theme not in THEMES:
            raise WrongUsage(f"There is no theme {theme!r}.", "Choose light, dark, or the system's.")
        self.theme = str(theme)

    def show_lines(self, lines: RequestLines) -> None:
        """Show the log lines of a request. Raises WrongUsage if there are none."""
        if not lines.lines:
            raise WrongUsage(f"No line has the request id {lines.request_id!r}.", "Compare the id, then find it again.")
        self.lines = lines
        self.shows = "lines"

    def show_prediction(self, counts: Callable[[], GuessCounts]) -> None:
        """Show the counts of a prediction without the right answer."""
        self.counts = counts
        self.answer_shown = False
        self.shows = "predictions"

    def show_answer(self) -> None:
        """Show which answer was right. Raises WrongUsage if none is known to be."""
        if self.counts is None or not self.counts().has_right_answer:
            raise WrongUsage("No answer is known to be right.", "Show a prediction, or put * before the right answer.")
        self.answer_shown = True

    def state(self) -> dict[str, Any]:
        """Return everything as plain data for JSON; no option is marked as right before the answer is shown."""
        predictions = None
        if self.counts:
            predictions = self.counts().state(answer_shown=self.answer_shown)
        lines = None
        if self.lines:
            lines = [self.lines.request_id, len(self.lines.lines)]

        return {
            "shows": self.shows,
            "theme": self.theme,
            "countdown": self.countdown.state(),
            "predictions": predictions,
            "lines": lines,
        }


def guesses_in(folder: Path) -> list[dict[str, Guess]]:
    """Return the guesses in each progress file below a folder; other files are skipped.

    Raises WrongUsage without a folder.
    """
    if not os.path.isdir(folder):  # noqa: PTH112 - `Path.is_dir` raises OSError for a name that is too long
        raise WrongUsage(f"There is no folder {folder}.", "Name the folder with people's progress files.")

    guesses = []
    for path in sorted(folder.rglob("*.json"))[:MOST_FILES]:
        with contextlib.suppress(NotReady):
            guesses.append(Progress(path).document().predictions)
    return guesses


def _parse_answer(line: str) -> OptionCount:
    """Return the answer in a line and its count, which stands after the last colon. Raises WrongUsage without one."""
    text, _, number = line.removeprefix("*").rpartition(":")
    count = number.strip()
    is_count = count.isascii() and count.isdecimal() and len(count) <= MOST_DIGITS
    if not text.strip() or not is_count:
        raise WrongUsage(f"{visible(line, 60)!r} is no answer with a count.", "Write lines like: It stays green: 23")
    return OptionCount(_shorten(text), int(count), line.startswith("*"))


def _shorten(text: str) -> str:
    """Return a text in one line without unsafe characters, cut where it is longer than an answer on the page."""
    return visible(" ".join(text.split()), MOST_ANSWER_CHARACTERS)
