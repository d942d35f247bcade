"""The processes of a container as a tree, and the programs among them."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from container_audit.process_signals import INITS, SHELLS

COLUMNS = ("pid", "ppid", "args")
"""What ``ps`` is asked for: the arguments come last, since they have spaces."""
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


@dataclass(frozen=True)
class Process:
    """A process: its id, that of its parent, and its command line, which a program may replace by a title."""

    pid: str
    parent: str
    command: str

    @property
    def program(self) -> str:
        """The file name of its program: ``apache2``, ``python3.13``."""
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
        """What the program was given; of an interpreter's, what stands before the script is left out."""
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
        """The file name or module that an interpreter runs; "" for code in its arguments and any other program."""
        arguments = self.arguments
        if self.kind not in INTERPRETERS or not arguments or arguments[0] in CODE_OPTIONS:
            return ""
        if arguments[0] == MODULE_OPTION:
            return " ".join(arguments[:2])
        return arguments[0]

    @property
    def label(self) -> str:
        """Program and script, without other arguments: these may be secrets."""
        return f"{self.program} {self.script}".strip()

    @property
    def is_wrapper(self) -> bool:
        """Whether it is a shell, an init, a supervisor or a launcher."""
        names = {self.program, PurePosixPath(self.script).stem}
        return bool(names & WRAPPERS) or self.program.startswith("s6-")

    def is_worker_of(self, ancestor: Process) -> bool:
        """Return whether it runs the program of one of its ancestors.

        An interpreter runs any program: there the arguments have to be the same, or those of Python's multiprocessing.
        A shell that replaces itself by its last program makes that program the parent of those before it.
        """
        if self.kind != ancestor.kind:
            return False
        if self.kind not in INTERPRETERS:
            return True
        return self.arguments == ancestor.arguments or MULTIPROCESSING in self.command


def from_ps(rows: Sequence[Sequence[str]], first_pid: str) -> dict[str, Process]:
    """Return process 1 and all below it, by process id, from rows of ``ps`` with `COLUMNS`.

    What was started by ``docker exec``, a health check for one, is not below process 1. Some engines show ids inside
    the container: there ``first_pid`` is unknown, and process 1 is 1.
    """
    processes = {}
    for row in rows:
        line = _BUSYBOX_NAME.sub("", " ".join(row))
        words = line.split(maxsplit=len(COLUMNS) - 1)
        if len(words) == len(COLUMNS) and not words[-1].endswith("<defunct>"):
            processes[words[0]] = Process(*words)

    root = first_pid if first_pid in processes else "1"
    tree = {}
    for pid, process in processes.items():
        if pid == root or any(ancestor.pid == root for ancestor in _ancestors(process, processes)):
            tree[pid] = process
    return tree


def programs(processes: Collection[Process]) -> tuple[Process, ...]:
    """Return a process for each program that runs, by command: without wrappers, workers and copies.

    Where nothing but wrappers runs, the scripts of the innermost shells are the programs.
    """
    by_pid = {process.pid: process for process in processes}
    parents = {process.parent for process in processes}
    programs_by_command = {}
    innermost_wrappers = {}

    for process in processes:
        if process.is_wrapper:
            if process.pid not in parents:
                innermost_wrappers[process.command] = process
        elif not any(process.is_worker_of(ancestor) for ancestor in _ancestors(process, by_pid)):
            programs_by_command[process.command] = process

    by_command = programs_by_command or innermost_wrappers
    return tuple(by_command.values())


def _ancestors(process: Process, by_pid: Mapping[str, Process]) -> Iterator[Process]:
    """Yield its parent, the parent's parent and so on, as far as they are known."""
    pids = {process.pid}
    parent = by_pid.get(process.parent)
    while parent and parent.pid not in pids:
        yield parent
        pids.add(parent.pid)
        parent = by_pid.get(parent.parent)


def _file_name(word: str) -> str:
    """Return the file name of a path; a title such as ``nginx: master`` begins with a name and a colon."""
    return PurePosixPath(word.lstrip("-").rstrip(":")).name or word
