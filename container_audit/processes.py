"""The processes of a container: process 1 and what it does with a signal; all as a tree, and the programs among them.

The kernel drops a signal that process 1 of a PID namespace neither handles, nor ignores, nor waits for: what ends any
other process does nothing to it. So its masks of signals (proc_pid_status(5)) tell for certain that a stop signal is
lost, however busy the machine is. They do not tell how long a handler takes.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import PurePosixPath

TREE_COLUMNS = ("pid", "ppid", "args")
"""What ``ps`` is asked for: the arguments come last, since they have spaces.

The engine runs it on its own machine, so the image needs no program for it.
"""
SIGNAL_COLUMNS = ("pid", "ppid", "blocked", "ignored", "caught", "wchan:32", "comm")
"""What ``ps`` is asked for about process 1."""
INSIDE = ("cat", "/proc/1/status", "/proc/1/wchan")
"""The command that reads the same inside a container, for an engine whose ``ps`` does not know these columns."""
SHELLS = ("sh", "bash", "dash", "ash", "busybox", "zsh", "ksh")
INITS = ("docker-init", "tini", "dumb-init", "catatonit", "s6-svscan", "podman-init")
LAUNCHERS = ("env", "npm", "npm-cli", "npx", "pipenv", "pnpm", "poetry", "runuser", "su", "sudo", "uv", "yarn")
SUPERVISORS = ("circusd", "foreman", "honcho", "monit", "my_init", "pm2-runtime", "runsv", "runsvdir", "supervisord")
ERLANG = ("epmd", "erl_child_setup", "inet_gethost")
"""Parts of Erlang's runtime, beside any program that is written in it."""
WRAPPERS = {*SHELLS, *INITS, *LAUNCHERS, *SUPERVISORS, *ERLANG}
"""Programs that start others or serve them; these others count."""
INTERPRETERS = {"bun", "deno", "dotnet", "java", "node", "nodejs", "perl", "php", "pypy", "python", "ruby"}
MODULE_OPTION = "-m"
CODE_OPTIONS = {"-c", "-e", "-r", "--eval"}
VALUE_OPTIONS = {"-W", "-X", "-classpath", "-cp"}
MULTIPROCESSING = " -c from multiprocessing"
_VERSION = re.compile(r"[\d.]+$")
_BUSYBOX_NAME = re.compile(r"(?<=\d )\{[^}]*\} ")
"""BusyBox's ps puts the name of a process before a command line that begins otherwise."""
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


def process_1_of(rows: Sequence[Sequence[str]], pid: str) -> Process1 | None:
    """Return process 1, whose id is ``pid``, from rows of ``ps`` with `SIGNAL_COLUMNS`; None without its masks."""
    complete_rows = [row for row in rows if len(row) == len(SIGNAL_COLUMNS)]  # another kind of ps has other columns
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


def process_1_of_status(text: str) -> Process1 | None:
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


@dataclass(frozen=True)
class Process:
    """A process: its id, its parent's id, and its command line, in whose place a program may set a title."""

    pid: str
    parent: str
    command: str

    @property
    def program(self) -> str:
        """The file name of its program: ``apache2``, ``python3.13``; of ``busybox sh`` it is ``sh``."""
        words = self.command.split()
        name = _file_name(words[0])
        if name == "busybox" and len(words) > 1:
            return words[1]
        return name

    @property
    def kind(self) -> str:
        """The program without its version: ``python`` for ``python3`` and ``python3.13``."""
        return _VERSION.sub("", self.program) or self.program

    @property
    def arguments(self) -> tuple[str, ...]:
        """The arguments of the program; for an interpreter, its script with arguments, without options before it."""
        words = self.command.split()[1:]
        if self.kind not in INTERPRETERS:
            return tuple(words)

        while words and words[0].startswith("-") and words[0] not in {*CODE_OPTIONS, MODULE_OPTION}:
            skipped = 2 if words[0] in VALUE_OPTIONS else 1
            words = words[skipped:]

        if words and not words[0].startswith("-"):
            words[0] = _file_name(words[0])
        return tuple(words)

    @property
    def script(self) -> str:
        """The file name or module that an interpreter runs; "" for code in its arguments, and for any other program."""
        arguments = self.arguments
        if self.kind not in INTERPRETERS or not arguments or arguments[0] in CODE_OPTIONS:
            return ""
        if arguments[0] == MODULE_OPTION:
            return " ".join(arguments[:2])
        return arguments[0]

    @property
    def label(self) -> str:
        """Program and script; other arguments are left out, since they may be secrets."""
        return f"{self.program} {self.script}".strip()

    @property
    def is_wrapper(self) -> bool:
        """Whether it is a shell, an init, a supervisor or a launcher."""
        names = {self.program, PurePosixPath(self.script).stem}
        return bool(names & WRAPPERS) or self.program.startswith("s6-")

    def is_worker_of(self, ancestor: Process) -> bool:
        """Return whether it runs the same program as one of its ancestors.

        Two interpreters run the same program if their arguments are the same, or are those of Python's multiprocessing.
        Being an ancestor alone proves nothing: ``sh -c 'python a.py & exec python b.py'`` makes b the parent of a.
        """
        if self.kind != ancestor.kind:
            return False
        if self.kind not in INTERPRETERS:
            return True
        return self.arguments == ancestor.arguments or MULTIPROCESSING in self.command


def tree_of(rows: Sequence[Sequence[str]], first_pid: str) -> dict[str, Process]:
    """Return process 1 and its descendants, by process id, from rows of ``ps`` with `TREE_COLUMNS`.

    A program that ``docker exec`` or a health check has started is no descendant. ``first_pid`` is the id of process 1
    on the engine's machine; where an engine shows the ids inside the container, it is not in the rows, and "1" is.
    """
    by_pid = {}
    for row in rows:
        process = _process_of_row(row)
        if process is not None:
            by_pid[process.pid] = process

    root_pid = first_pid if first_pid in by_pid else "1"
    tree = {}
    for pid, process in by_pid.items():
        ancestor_pids = {ancestor.pid for ancestor in _ancestors(process, by_pid)}
        if pid == root_pid or root_pid in ancestor_pids:
            tree[pid] = process

    return tree


def _process_of_row(row: Sequence[str]) -> Process | None:
    """Return the process of a row of ``ps``; None for one that has ended, or a row without all columns."""
    line = _BUSYBOX_NAME.sub("", " ".join(row))
    words = line.split(maxsplit=len(TREE_COLUMNS) - 1)
    if len(words) < len(TREE_COLUMNS) or words[-1].endswith("<defunct>"):
        return None
    return Process(*words)


def programs(processes: Collection[Process]) -> tuple[Process, ...]:
    """Return one process for each command that is neither a wrapper nor a worker of another process.

    If that leaves none, the programs are the wrappers without a child: shells that run a script.
    """
    by_pid = {process.pid: process for process in processes}
    parent_pids = {process.parent for process in processes}
    programs_by_command = {}
    childless_wrappers_by_command = {}

    for process in processes:
        is_worker = any(process.is_worker_of(ancestor) for ancestor in _ancestors(process, by_pid))
        if not process.is_wrapper and not is_worker:
            programs_by_command[process.command] = process
        if process.is_wrapper and process.pid not in parent_pids:
            childless_wrappers_by_command[process.command] = process

    by_command = programs_by_command or childless_wrappers_by_command
    return tuple(by_command.values())


def _ancestors(process: Process, by_pid: Mapping[str, Process]) -> Iterator[Process]:
    """Yield the parent of a process, the parent's parent and so on, as far as they are in ``by_pid``."""
    visited_pids = {process.pid}
    parent = by_pid.get(process.parent)
    while parent and parent.pid not in visited_pids:
        yield parent
        visited_pids.add(parent.pid)
        parent = by_pid.get(parent.parent)


def _file_name(word: str) -> str:
    """Return the file name of a path, without the dash of a login shell or the colon of a title (``nginx:``)."""
    return PurePosixPath(word.lstrip("-").rstrip(":")).name or word
