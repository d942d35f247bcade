"""The terminal: the parser of a command's words, results on stdout, messages and progress on stderr.

Only progress bars need more than the standard library.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from types import TracebackType
from typing import TYPE_CHECKING, Literal, NoReturn, Self

from workshop_kit.errors import WorkshopError, WrongUsage
from workshop_kit.reporting import Step

if TYPE_CHECKING:
    from rich.progress import TaskID

PLAIN_INTERVAL_SECONDS = 5.0


def say(line: str) -> None:
    """Write a message to stderr."""
    _write("stderr", line)


def answer(text: str) -> None:
    """Write a result to stdout."""
    _write("stdout", text)


def say_error(error: WorkshopError) -> None:
    """Write an error to stderr: its output, then its sentence."""
    for text in (error.output, str(error)):
        if text:
            say(text)


def _write(name: Literal["stdout", "stderr"], text: str) -> None:
    """Write a text and a newline to a stream; without a reader do nothing."""
    stream = getattr(sys, name)
    if stream is None:  # the shell has closed it: ``>&-``
        return
    try:
        stream.write(f"{text}\n")
        stream.flush()
    except BrokenPipeError:  # the reader has ended: ``| head -1``
        # Python flushes again at exit, which would fail again: from now on the stream leads nowhere.
        null_device = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null_device, stream.fileno())


class Parser(argparse.ArgumentParser):
    """The argument parser of a command that runs without packages. Raises WrongUsage for wrong arguments."""

    def __init__(self, command: str, summary: str) -> None:
        super().__init__(prog=f"./workshop {command}", description=summary, add_help=False, allow_abbrev=False)
        self.add_argument("--help", action="help", help="Show this message and exit.")

    def error(self, message: str) -> NoReturn:
        """Raise WrongUsage with argparse's complaint."""
        raise WrongUsage(f"{message[0].upper()}{message[1:]}.", f"Run {self.prog} --help for what it takes.")


class TerminalReport:
    """A ``Report`` on stderr: progress bars on a terminal, a line every few seconds elsewhere."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

        self._console = Console(stderr=True, highlight=False)
        self._bars = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            TimeElapsedColumn(),
            TextColumn("[dim]{task.fields[detail]}"),
            console=self._console,
            transient=True,
        )
        self._tasks: dict[str, TaskID] = {}
        self._written_at: dict[str, float] = {}

    def __call__(self, step: Step) -> None:
        """Show one step."""
        if self._console.is_terminal:
            self._draw(step)
        else:
            self._write_line(step)

    def _draw(self, step: Step) -> None:
        """Update the bar of the step's task; at its end replace the bar by a line."""
        from rich.markup import escape

        if step.done:
            task = self._tasks.pop(step.task, None)
            if task is not None:
                self._bars.remove_task(task)
                self._console.print(f"[green]✓[/] {escape(step.task)} [dim]{escape(step.detail)}")
            return

        if step.task not in self._tasks:
            self._tasks[step.task] = self._bars.add_task(step.task, total=None, detail="")
        detail_width = max(self._console.width - len(step.task) - 48, 10)
        self._bars.update(
            self._tasks[step.task],
            total=None if step.fraction is None else 1.0,
            completed=step.fraction,
            detail=escape(step.detail[:detail_width]),
        )

    def _write_line(self, step: Step) -> None:
        """Write the step as a line, unless the task wrote one in the last five seconds.

        The last step of a task is always written if the task has a line already, and never if it has none.
        """
        now = time.monotonic()
        written_at = self._written_at.get(step.task)
        if step.done:
            if written_at is not None:
                del self._written_at[step.task]
                say(f"{step.task}: done {step.detail}".rstrip())
        elif written_at is None or now - written_at >= PLAIN_INTERVAL_SECONDS:
            self._written_at[step.task] = now
            say(f"{step.task}: {step.detail}")

    def __enter__(self) -> Self:
        if self._console.is_terminal:
            self._bars.start()
        return self

    def __exit__(self, _t: type[BaseException] | None, _v: BaseException | None, _b: TracebackType | None) -> None:
        if self._console.is_terminal:
            self._bars.stop()
