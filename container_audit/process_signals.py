"""What process 1 of a container does with a signal, read from its masks of signals (proc_pid_status(5)).

The kernel drops a signal that process 1 of a PID namespace neither handles, nor ignores, nor waits for: what ends any
other process does nothing to it. So the masks tell for certain that a stop signal is lost, however busy the machine
is. They do not tell how long a handler takes.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

COLUMNS = ("pid", "ppid", "blocked", "ignored", "caught", "wchan:32", "comm")
"""What ``ps`` is asked for. The engine runs it on its own machine, so the image needs no program for it."""
INSIDE = ("cat", "/proc/1/status", "/proc/1/wchan")
"""The command that reads the same inside a container, for an engine whose ``ps`` does not know these columns."""
SHELLS = ("sh", "bash", "dash", "ash", "busybox", "zsh", "ksh")
INITS = ("docker-init", "tini", "dumb-init", "catatonit", "s6-svscan", "podman-init")
WAITS_FOR_SIGNALS = "do_sigtimedwait"
_STATUS = re.compile(r"^(Name|SigBlk|SigIgn|SigCgt):\s*(.*)$", re.MULTILINE)


class Disposition(Enum):
    """What becomes of a signal that is sent to process 1; the values end a sentence that begins with its name."""

    HANDLED = "has a handler of"
    AWAITED = "waits for signals, also for"
    IGNORED = "ignores"
    DROPPED = "has no handler of"


@dataclass(frozen=True)
class Process1:
    """Process 1: its program's name, its masks (signal 1 is the lowest bit), and the kernel function it sleeps in.

    ``has_child``: another process in the container is its child; None where that is not known.
    """

    name: str
    blocked: int
    ignored: int
    caught: int
    sleeps_in: str = ""
    has_child: bool | None = None

    @property
    def is_init(self) -> bool:
        """Whether its program is an init, which passes signals on to the program that it has started."""
        return self.name in INITS

    @property
    def is_shell(self) -> bool:
        """Whether its program is a shell."""
        return self.name in SHELLS

    def disposition(self, number: int) -> Disposition:
        """Return what becomes of the signal with this number.

        A process that blocks a signal takes it by sigwait(2) or signalfd(2). While it waits in sigtimedwait(2), as the
        inits do, the kernel shows the signal as not blocked; then the kernel function that it sleeps in tells.
        """
        bit = 1 << (number - 1)
        is_waiting = self.is_init or self.sleeps_in.startswith(WAITS_FOR_SIGNALS)
        if is_waiting or self.blocked & bit:
            return Disposition.AWAITED
        if self.caught & bit:
            return Disposition.HANDLED
        if self.ignored & bit:
            return Disposition.IGNORED
        return Disposition.DROPPED

    def runs_trap_late(self, number: int) -> bool:
        """Return whether it is a shell that handles the signal by a trap, and has started a program.

        Such a shell passes no signal on to the program, and runs its trap only once the program has ended, unless it
        waits by the command ``wait``. Its masks say nothing about the program.
        """
        if not self.is_shell or not self.has_child:
            return False
        return self.disposition(number) is Disposition.HANDLED


def from_ps(rows: Sequence[Sequence[str]], pid: str) -> Process1 | None:
    """Return the process ``pid`` from rows of ``ps`` with `COLUMNS`; None if no row has its id, or it has no masks."""
    complete_rows = [row for row in rows if len(row) == len(COLUMNS)]  # another kind of ps has other columns
    parent_pids = {row[1] for row in complete_rows}

    for row_pid, _, blocked, ignored, caught, sleeps_in, name in complete_rows:
        if row_pid != pid:
            continue
        has_child = pid in parent_pids
        try:
            return Process1(name, _mask(blocked), _mask(ignored), _mask(caught), sleeps_in, has_child)
        except ValueError:
            return None

    return None


def from_status(text: str) -> Process1 | None:
    """Return process 1 from the output of `INSIDE`: ``/proc/1/status``, then ``/proc/1/wchan``; None for other text."""
    fields: Mapping[str, str] = dict(_STATUS.findall(text))
    _, _, last_line = text.rpartition("\n")
    try:
        blocked = _mask(fields["SigBlk"])
        ignored = _mask(fields["SigIgn"])
        caught = _mask(fields["SigCgt"])
    except (KeyError, ValueError):
        return None

    return Process1(fields.get("Name", ""), blocked, ignored, caught, sleeps_in=last_line.strip())


def _mask(word: str) -> int:
    """Return a mask from its hexadecimal digits; ``ps`` writes ``<`` in place of digits that it cuts off."""
    return int(word.removeprefix("<"), 16)
