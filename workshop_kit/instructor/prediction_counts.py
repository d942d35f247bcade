"""What the room predicted: counted from people's progress files, or from numbers that somebody called out. Pure.

The words of questions and answers are the lessons'; progress keeps keys alone.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workshop_kit.errors import WrongUsage
from workshop_kit.exercises.progress import Guess, guess_in
from workshop_kit.lessons.predictions import Question
from workshop_kit.screen import visible

MOST_FILES = 1_000
MOST_FILE_BYTES = 4_000_000
MOST_ANSWERS = 12
MOST_CHARACTERS = 160
COUNTED = re.compile(r"\s*(?P<right>\*?)\s*(?P<answer>.+?)\s*[:=]\s*(?P<count>[0-9]{1,4})\s*")


@dataclass(frozen=True)
class Answer:
    """One answer, and how many gave it; ``right`` says that it is what happened."""

    text: str
    count: int
    right: bool = False


@dataclass(frozen=True)
class Histogram:
    """The answers of a room to one question, in the order in which they were to choose from."""

    question: str
    answers: tuple[Answer, ...]

    @property
    def people(self) -> int:
        """How many answered."""
        return sum(answer.count for answer in self.answers)

    @property
    def knows(self) -> bool:
        """Whether it is known which answer is right."""
        return any(answer.right for answer in self.answers)

    def headline(self) -> str:
        """How many were wrong, in a sentence; how many answered where nobody knows what is right.

        >>> Histogram("Is it hot?", (Answer("Yes", 2), Answer("No", 1, right=True))).headline()
        '2 of 3 of us were wrong.'
        """
        people = self.people
        if not self.knows:
            return f"{people} of us answered."
        wrong = sum(answer.count for answer in self.answers if not answer.right)
        if not wrong:
            return f"All {people} of us were right." if people > 1 else f"{people} of us answered."
        return f"{wrong} of {people} of us {'was' if wrong == 1 else 'were'} wrong."


def of_text(question: str, text: str) -> Histogram:
    """The histogram of pasted counts, an answer a line: ``It stays green: 23``, with ``*`` before the right one.

    Raises WrongUsage for a line that is none, for more than one right answer, and for no answer at all.
    """
    answers = []
    for line in text.splitlines():
        if not line.strip():
            continue
        found = COUNTED.fullmatch(line)
        if found is None:
            raise WrongUsage(
                f"{visible(line.strip(), 60)!r} is no answer with a count.", "Write lines like: It stays green: 23"
            )
        answers.append(Answer(_short(found["answer"]), int(found["count"]), bool(found["right"])))
    if not answers or len(answers) > MOST_ANSWERS:
        raise WrongUsage(f"There are {len(answers)} answers; from 1 to {MOST_ANSWERS} can be shown.")
    if sum(answer.right for answer in answers) > 1:
        raise WrongUsage("More than one answer is marked as right.", "Put * before one of them.")
    return Histogram(_short(question), tuple(answers))


def of_folder(folder: Path, identifier: str, questions: Mapping[str, Question]) -> Histogram:
    """The histogram of one prediction (``00_start.predict``-like id) over all progress files below a folder.

    Raises WrongUsage where the folder has none, or nobody there has guessed. What happened is what most runs recorded.
    """
    guesses = [guess for document in documents(folder) if (guess := _guess(document, identifier)) is not None]
    if not guesses:
        raise WrongUsage(
            f"No progress file in {folder} has a guess for {identifier!r}.", "Collect people's progress.json there."
        )
    question = questions.get(identifier)
    texts = {key: option.text for key, option in question.options.items()} if question else {}
    counts = Counter(guess.choice for guess in guesses)
    actual = Counter(guess.actual for guess in guesses if guess.actual is not None).most_common(1)
    right = actual[0][0] if actual else None
    keys = [*texts, *sorted(key for key in {*counts, *([right] if right else [])} if key not in texts)]
    answers = tuple(Answer(_short(texts.get(key, key)), counts[key], key == right) for key in keys[:MOST_ANSWERS])
    return Histogram(_short(question.question if question else identifier), answers)


def predictions_in(folder: Path) -> dict[str, int]:
    """Which predictions the progress files below a folder have guesses for, and how many each."""
    counts: Counter[str] = Counter()
    for document in documents(folder):
        counts.update(str(name) for name in _predictions(document) if _guess(document, name) is not None)
    return dict(sorted(counts.items()))


def documents(folder: Path) -> Iterator[Mapping[str, Any]]:
    """The JSON objects in the files below a folder; what cannot be read, or is too big, is none. Raises WrongUsage."""
    if not folder.is_dir():
        raise WrongUsage(f"There is no folder {folder}.", "Name the folder with people's progress files.")
    for path in sorted(folder.rglob("*.json"))[:MOST_FILES]:
        try:
            if path.stat().st_size > MOST_FILE_BYTES:
                continue
            found = json.loads(path.read_bytes())
        except (OSError, ValueError, RecursionError):
            continue
        if isinstance(found, dict):
            yield found


def _predictions(document: Mapping[str, Any]) -> Mapping[str, Any]:
    found = document.get("predictions")
    return found if isinstance(found, dict) else {}


def _guess(document: Mapping[str, Any], identifier: str) -> Guess | None:
    return guess_in(_predictions(document).get(identifier))


def _short(text: str) -> str:
    return visible(" ".join(text.split()), MOST_CHARACTERS)
