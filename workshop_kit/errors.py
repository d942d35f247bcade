"""Errors that users see as a sentence: it says what is wrong, where, and what to do next."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterable, Sequence
from enum import IntEnum
from typing import TYPE_CHECKING

from workshop_kit.untrusted_text import in_lines

if TYPE_CHECKING:
    from pydantic import ValidationError  # not there on a bare Python


class Exit(IntEnum):
    """Exit codes of the command line."""

    GOOD = 0
    NOT_GOOD = 1  # the answer to the question is no
    WRONG_USAGE = 2
    NOT_READY = 3  # the machine is not ready: the message says what to do


class WorkshopError(Exception):
    """An error that a user can cause or fix; shown as one sentence, never as a traceback.

    ``what`` is a full sentence without secrets; ``next_step`` is a full sentence that begins with a verb.
    ``output`` holds the last lines of the command that failed. Control characters in ``what`` and ``output`` are
    escaped: both may quote a container.
    """

    exit_code = Exit.NOT_GOOD

    def __init__(self, what: str, next_step: str = "", *, output: str = "") -> None:
        self.what = in_lines(what)
        super().__init__(self.what)
        self.next_step = next_step
        self.output = in_lines(output)

    def __str__(self) -> str:
        return f"{self.what} {self.next_step}".strip()

    def _render_traceback_(self) -> list[str]:
        """Return the lines that IPython shows in place of a traceback."""
        notes = (in_lines(note) for note in getattr(self, "__notes__", ()))
        return [str(self), *self.output.splitlines(), *notes]


class NotInTime(WorkshopError):
    """A wait (for the engine, a build, a start, an answer) reached its limit; the sentence has the seconds waited."""


class NotReady(WorkshopError):
    """The machine lacks Python, an engine, or an image: exit code 3."""

    exit_code = Exit.NOT_READY


class WrongUsage(WorkshopError):
    """The command or call is wrong: exit code 2."""

    exit_code = Exit.WRONG_USAGE


def first_problem(error: ValidationError) -> str:
    """Return the place and message of the first problem that pydantic found; the value, maybe a secret, is left out."""
    problem = error.errors(include_url=False, include_input=False)[0]
    place = ".".join(map(str, problem["loc"]))
    message = problem["msg"].removeprefix("Value error, ")
    return f"{place}: {message}".removeprefix(": ").rstrip(".")


def did_you_mean(word: str, known_names: Iterable[str]) -> str:
    """Return a question with the known name that is nearest to a misspelled one, or "" if none is near.

    >>> did_you_mean("pauze", ["kill", "pause"]), did_you_mean("x", ["kill"])
    ("Did you mean 'pause'?", '')
    """
    matches = difflib.get_close_matches(word[:100], known_names, n=1, cutoff=0.5)
    return f"Did you mean {matches[0]!r}?" if matches else ""


def resolve(kind: str, word: str, names: Collection[str], separator: str, advice: str) -> str:
    """Return the only name that ``word`` means: the whole name, a part of it, or the beginning of the name or a part.

    ``separator`` divides a name into two parts. Upper and lower case are the same. Raises WrongUsage with ``advice``
    where no name fits, and with the names where several fit.

    >>> resolve("lesson", "02", ["01_container", "02_configuration"], "_", "")
    '02_configuration'
    """
    no_match = WrongUsage(f"There is no {kind} {word!r}.", advice)
    typed = word.strip().lower()
    if not typed:
        raise no_match

    whole_names = [name for name in names if name.lower() == typed]
    parts = [name for name in names if typed in name.lower().split(separator, 1)]
    beginnings = [name for name in names if f"{separator}{typed}" in f"{separator}{name}".lower()]
    for matches in (whole_names, parts, beginnings):
        if len(matches) == 1:
            return matches[0]
        if matches:
            raise WrongUsage(f"{word!r} fits more than one {kind}: {in_words(matches)}.", "Write more of it.")

    raise no_match


def in_words(names: Sequence[str]) -> str:
    """Return the names as in a sentence: ``a, b and c``."""
    if len(names) == 1:
        return names[0]
    return f"{', '.join(names[:-1])} and {names[-1]}"
