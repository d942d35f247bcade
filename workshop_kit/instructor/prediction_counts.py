"""Count predictions: of a live room, from the progress files of a class, or from pasted counts.

The texts of questions and answers come from the lessons: progress files hold keys only.
"""

from __future__ import annotations

import contextlib
import json
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workshop_kit.errors import WorkshopError, WrongUsage
from workshop_kit.exercises.progress import Guess, guess_in
from workshop_kit.files import read_small_text
from workshop_kit.lessons.predictions import Question
from workshop_kit.screen import visible

MOST_FILES = 1_000
MOST_FILE_BYTES = 4_000_000
MOST_ANSWERS = 12
MOST_CHARACTERS = 160
MOST_DIGITS = 4


@dataclass(frozen=True)
class OptionCount:
    """One answer and how many gave it; ``right`` marks the answer that came true."""

    text: str
    count: int
    right: bool = False


@dataclass(frozen=True)
class GuessCounts:
    """The answers of an audience to one question, in the order of its options.

    ``own_outcomes``: how many guessed something else than happened on their own machine, and how many know what
    happened there; None for pasted counts, where the marked answer is the outcome on every machine.
    """

    question: str
    answers: tuple[OptionCount, ...]
    own_outcomes: tuple[int, int] | None = None

    @property
    def people(self) -> int:
        """How many answered."""
        return sum(answer.count for answer in self.answers)

    @property
    def has_right_answer(self) -> bool:
        """Whether it is known which answer is right."""
        return any(answer.right for answer in self.answers)

    def headline(self, *, answer_shown: bool = True) -> str:
        """Return how many were surprised, in a sentence; without the right answer, how many answered.

        >>> GuessCounts("Is it hot?", (OptionCount("Yes", 2), OptionCount("No", 1, right=True))).headline()
        '2 of 3 of us were surprised.'
        """
        if not answer_shown or not self.has_right_answer:
            return f"{self.people} of us answered."
        others = sum(answer.count for answer in self.answers if not answer.right)
        surprised, known = self.own_outcomes or (others, self.people)
        group = "us" if known == self.people else "us who ran it"
        return f"{surprised} of {known} of {group} {'was' if surprised == 1 else 'were'} surprised."

    def state(self, *, answer_shown: bool) -> dict[str, Any]:
        """Return it as JSON takes it; ``right`` is true only if the answer is shown."""
        answers = [
            {
                "text": one.text,
                "count": one.count,
                "share": round(one.count / max(self.people, 1), 4),
                "right": one.right and answer_shown,
            }
            for one in self.answers
        ]
        return {"question": self.question, "headline": self.headline(answer_shown=answer_shown), "answers": answers}


def of_text(question: str, text: str) -> GuessCounts:
    """Return the histogram of pasted counts, an answer a line: ``It stays green: 23``, with ``*`` before the right one.

    Raises WrongUsage for a line without a count, for two right answers, and for no answer or too many.
    """
    answers = [_answer_in(line.strip()) for line in text.splitlines() if line.strip()]
    if not answers or len(answers) > MOST_ANSWERS:
        raise WrongUsage(f"There are {len(answers)} answers; from 1 to {MOST_ANSWERS} can be shown.")
    if sum(answer.right for answer in answers) > 1:
        raise WrongUsage("More than one answer is marked as right.", "Put * before one of them.")
    return GuessCounts(_short(question), tuple(answers))


def of_folder(folder: Path, identifier: str, questions: Mapping[str, Question]) -> GuessCounts:
    """Return the histogram of one prediction (such as ``00_start.gone``) over all progress files below a folder.

    Raises WrongUsage for a folder without such predictions.
    """
    guesses = [guesses[identifier] for guesses in _guesses(folder) if identifier in guesses]
    if not guesses:
        raise WrongUsage(
            f"No progress file in {folder} has a guess for {identifier!r}.", "Collect people's progress.json there."
        )
    return of_guesses([(guess.choice, guess.actual or "") for guess in guesses], identifier, questions)


def of_guesses(guesses: Collection[tuple[str, str]], identifier: str, questions: Mapping[str, Question]) -> GuessCounts:
    """Return the histogram of guesses, each a choice and the outcome on the same machine ("" before it).

    The outcome that most machines had is the right answer.
    """
    question = questions.get(identifier)
    texts = {key: option.text for key, option in question.options.items()} if question else {}
    counts = Counter(choice for choice, _ in guesses)
    outcomes = Counter(outcome for _, outcome in guesses if outcome)
    right = outcomes.most_common(1)[0][0] if outcomes else None
    keys = [*texts, *sorted({*counts, *filter(None, [right])} - set(texts))]
    answers = tuple(OptionCount(_short(texts.get(key, key)), counts[key], key == right) for key in keys[:MOST_ANSWERS])
    surprised = sum(choice != outcome for choice, outcome in guesses if outcome)
    return GuessCounts(_short(question.question if question else identifier), answers, (surprised, outcomes.total()))


def predictions_in(folder: Path) -> dict[str, int]:
    """Return the predictions in the progress files below a folder, and how many people made each."""
    return dict(sorted(Counter(name for guesses in _guesses(folder) for name in guesses).items()))


def _answer_in(line: str) -> OptionCount:
    """Return the answer and its count, which stands after the last colon or equals sign."""
    end = max(line.rfind(":"), line.rfind("="))
    right = line.startswith("*")
    text, count = line[right : max(end, 0)].strip(), line[end + 1 :].strip()
    if end < 0 or not text or not (count.isascii() and count.isdecimal() and len(count) <= MOST_DIGITS):
        raise WrongUsage(f"{visible(line, 60)!r} is no answer with a count.", "Write lines like: It stays green: 23")
    return OptionCount(_short(text), int(count), right)


def _guesses(folder: Path) -> Iterator[dict[str, Guess]]:
    """Yield the guesses in each progress file below a folder. Raises WrongUsage without a folder.

    A file that is none is skipped: large ones, FIFOs and devices, too.
    """
    try:
        is_there = folder.is_dir()
    except OSError:  # a name that is too long
        is_there = False
    if not is_there:
        raise WrongUsage(f"There is no folder {folder}.", "Name the folder with people's progress files.")
    for path in sorted(folder.rglob("*.json"))[:MOST_FILES]:
        with contextlib.suppress(WorkshopError, OSError, ValueError, RecursionError, AttributeError):
            entries = json.loads(read_small_text(path, max_bytes=MOST_FILE_BYTES)).get("predictions", {})
            yield {name: guess for name, entry in entries.items() if (guess := guess_in(entry)) is not None}


def _short(text: str) -> str:
    return visible(" ".join(text.split()), MOST_CHARACTERS)
