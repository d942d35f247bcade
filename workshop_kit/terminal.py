"""The terminal: its words, results on stdout, messages and progress on stderr.

It needs the standard library only, but for progress bars.
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
    stream = getattr(sys, name)
    if stream is None:  # the shell has closed it: ``>&-``
        return
    try:
        stream.write(f"{text}\n")
        stream.flush()
    except BrokenPipeError:  # the reader has ended: ``| head -1``; Python would flush again at exit
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


class Parser(argparse.ArgumentParser):
    """The argument parser of a command that runs on a bare Python; a mistake raises WrongUsage."""

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
        from rich.markup import escape

        if step.done:
            if (task := self._tasks.pop(step.task, None)) is not None:
                self._bars.remove_task(task)
                self._console.print(f"[green]✓[/] {escape(step.task)} [dim]{escape(step.detail)}")
            return

        if step.task not in self._tasks:
            self._tasks[step.task] = self._bars.add_task(step.task, total=None, detail="")
        width = max(self._console.width - len(step.task) - 48, 10)
        self._bars.update(
            self._tasks[step.task],
            total=1.0 if step.fraction is not None else None,
            completed=step.fraction,
            detail=escape(step.detail[:width]),
        )

    def _write_line(self, step: Step) -> None:
        """Write at most one line in five seconds for each task, and one at the end of a task that has a line."""
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
        self._bars.stop()
