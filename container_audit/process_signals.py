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
"""The same, asked inside: for an engine whose ``ps`` does not know these columns."""
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
        """Return what becomes of a signal.

        Blocked comes first: a process that blocks a signal takes it by sigwait(2) or signalfd(2). While it waits in
        sigtimedwait(2), as the inits do, the kernel shows the signal as not blocked; then the function tells.
        """
        bit = 1 << (number - 1)
        if self.blocked & bit or self.sleeps_in.startswith(WAITS_FOR_SIGNALS) or self.is_init:
            return Disposition.AWAITED
        if self.caught & bit:
            return Disposition.HANDLED
        if self.ignored & bit:
            return Disposition.IGNORED
        return Disposition.DROPPED

    def runs_trap_late(self, number: int) -> bool:
        """Return whether it is a shell with a trap and a program in front of it.

        The masks of a shell are those of the shell: the program that it has started has its own, and gets no signal
        from it. Without a trap the shell drops the signal, whatever the program would do with it. With a trap it
        handles the signal, but only once the program has ended, unless the shell is in its ``wait``.
        """
        return self.is_shell and bool(self.has_child) and self.disposition(number) is Disposition.HANDLED


def from_ps(rows: Sequence[Sequence[str]], pid: str) -> Process1 | None:
    """Return the process ``pid`` in rows of ``ps`` with `COLUMNS`; None if they do not have it, or no masks."""
    complete_rows = [row for row in rows if len(row) == len(COLUMNS)]  # a ps of another kind has others
    for row in complete_rows:
        if row[0] != pid:
            continue
        try:
            blocked, ignored, caught = (_mask(word) for word in row[2:5])
        except ValueError:
            return None
        has_child = any(child[1] == pid for child in complete_rows)
        return Process1(row[6], blocked, ignored, caught, row[5], has_child)
    return None


def from_status(text: str) -> Process1 | None:
    """Return process 1 from its ``/proc/1/status``, with ``/proc/1/wchan`` behind it; None if it is no such text."""
    fields: Mapping[str, str] = dict(_STATUS.findall(text))
    try:
        blocked, ignored, caught = (_mask(fields[name]) for name in ("SigBlk", "SigIgn", "SigCgt"))
    except (KeyError, ValueError):
        return None

    sleeps_in = text.rpartition("\n")[2].strip()
    return Process1(fields.get("Name", ""), blocked, ignored, caught, sleeps_in)


def _mask(word: str) -> int:
    """Return a mask from hexadecimal digits; ``ps`` puts ``<`` before one that it has shortened on the left."""
    return int(word.removeprefix("<"), 16)
