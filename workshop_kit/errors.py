"""Errors that users see as a sentence: it says what is wrong, where, and what to do next."""

from __future__ import annotations

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


class NoPermission(NotReady):
    """There is an engine, but this user has no permission to use it."""


class WrongUsage(WorkshopError):
    """The command or call is wrong: exit code 2."""

    exit_code = Exit.WRONG_USAGE


def first_problem(error: ValidationError) -> str:
    """Return the place and message of the first problem that pydantic found; the value, maybe a secret, is left out."""
    problem = error.errors(include_url=False, include_input=False)[0]
    place = ".".join(map(str, problem["loc"]))
    message = problem["msg"].removeprefix("Value error, ")
    return f"{place}: {message}".removeprefix(": ").rstrip(".")
