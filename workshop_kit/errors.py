"""The error that users see: a sentence that says what is wrong, where, and what to do next."""

from __future__ import annotations

from enum import IntEnum

from workshop_kit.screen import in_lines


class Exit(IntEnum):
    """Exit codes of the command line."""

    GOOD = 0
    NOT_GOOD = 1  # the thing that was asked about is not good
    WRONG_USAGE = 2
    NOT_READY = 3  # the machine is not ready: the message says what to do


class WorkshopError(Exception):
    """An error that a user can cause or correct; shown as one sentence, never as a traceback.

    ``what`` is a full sentence without secrets; ``next_step`` is a full sentence that begins with a verb.
    ``output`` has the last lines of the command that failed, if there was one; it is shown below the sentence.
    Both may quote a container or a builder: what would act on a screen is written out.
    """

    def __init__(self, what: str, next_step: str = "", *, exit_code: Exit = Exit.NOT_GOOD, output: str = "") -> None:
        self.what = in_lines(what)
        super().__init__(self.what)
        self.next_step = next_step
        self.exit_code = exit_code
        self.output = in_lines(output)

    def __str__(self) -> str:
        return f"{self.what} {self.next_step}".strip()

    def _render_traceback_(self) -> list[str]:
        """IPython shows this instead of a traceback: in a notebook, too, an error is one sentence."""
        return [str(self), *self.output.splitlines(), *getattr(self, "__notes__", ())]


class NotReady(WorkshopError):
    """The machine lacks something (Python, an engine, an image): exit code 3."""

    def __init__(self, what: str, next_step: str = "", *, output: str = "") -> None:
        super().__init__(what, next_step, exit_code=Exit.NOT_READY, output=output)


class WrongUsage(WorkshopError):
    """The command or call itself is wrong: exit code 2."""

    def __init__(self, what: str, next_step: str = "", *, output: str = "") -> None:
        super().__init__(what, next_step, exit_code=Exit.WRONG_USAGE, output=output)
