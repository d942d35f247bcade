"""Progress on a terminal: a bar that says what is happening; where stderr is no terminal, a line per new thing."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn

from workshop_kit.progress import Step

PLAIN_INTERVAL_SECONDS = 5.0


def say(line: str) -> None:
    """Tell the person at the terminal, on stderr."""
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()


def answer(text: str) -> None:
    """Print what was asked for, on stdout."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


class TerminalReport:
    """A ``Report`` that draws on stderr: stdout belongs to what was asked for."""

    def __init__(self) -> None:
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
        self._said: dict[str, float] = {}

    def __call__(self, step: Step) -> None:
        """Draw one step."""
        if self._console.is_terminal:
            self._draw(step)
        else:
            self._say(step)

    def _draw(self, step: Step) -> None:
        if step.done:
            if (task := self._tasks.pop(step.task, None)) is not None:
                self._bars.remove_task(task)
                self._console.print(f"[green]✓[/] {escape(step.task)} [dim]{escape(step.detail)}")
            return
        if step.task not in self._tasks:
            self._tasks[step.task] = self._bars.add_task(step.task, total=None, detail="")
        room = max(self._console.width - len(step.task) - 48, 10)
        self._bars.update(
            self._tasks[step.task],
            total=1.0 if step.fraction is not None else None,
            completed=step.fraction,
            detail=escape(step.detail[:room]),
        )

    def _say(self, step: Step) -> None:
        """At most one line in five seconds for each task, and one at its end if it said anything before."""
        now = time.monotonic()
        last = self._said.get(step.task)
        if step.done and last is not None:
            del self._said[step.task]
            sys.stderr.write(f"{step.task}: done {step.detail}".rstrip() + "\n")
        elif not step.done and (last is None or now - last >= PLAIN_INTERVAL_SECONDS):
            self._said[step.task] = now
            sys.stderr.write(f"{step.task}: {step.detail}\n")
        sys.stderr.flush()

    def __enter__(self) -> Self:
        if self._console.is_terminal:
            self._bars.start()
        return self

    def __exit__(self, _t: type[BaseException] | None, _v: BaseException | None, _b: TracebackType | None) -> None:
        self._bars.stop()
