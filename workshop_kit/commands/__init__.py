"""The table of the commands of ``./workshop``, and those that run without packages (standard library only).

A command is a function, or a group, of its module. This is the one place where it is named: the launcher, the command
line and the lists in pages read it.
"""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from types import ModuleType

from workshop_kit.errors import Exit, WrongUsage
from workshop_kit.names import did_you_mean
from workshop_kit.terminal import answer

KIT = "workshop_kit.commands"
ROOM = "workshop_room.commands"
DEV = "workshop_dev.commands"


@dataclass(frozen=True)
class Command:
    """One command: its module, its one-line summary, and what it needs before it runs.

    ``needs_no_packages``: it runs on a Python without packages; ``main(arguments)`` of its module is called.
    ``may_install``: it may install packages.
    ``for_maintainers``: it needs the packages of the maintainers, too.
    ``has_containers``: it starts containers, which are removed when the command is terminated.
    ``passes_on``: it passes arguments that it does not know to another program.
    """

    module: str
    summary: str
    needs_no_packages: bool = False
    may_install: bool = False
    for_maintainers: bool = False
    has_containers: bool = False
    passes_on: bool = False

    def load(self) -> ModuleType:
        """Import the command's module and return it."""
        return importlib.import_module(self.module)


COMMANDS = {
    "setup": Command(
        f"{KIT}.machine",
        "Prepare this machine: Python packages, an engine, the images.",
        may_install=True,
    ),
    "start": Command(
        f"{KIT}.start",
        "Prepare what is missing and open the first lesson in JupyterLab.",
        may_install=True,
    ),
    "doctor": Command(
        f"{KIT}.doctor",
        "Look at the machine and say what is good and what is not; install nothing.",
        needs_no_packages=True,
    ),
    "check": Command(
        f"{KIT}.check",
        "Check exercises on real containers: ./workshop check container.limits, a lesson (02), or --all.",
        has_containers=True,
    ),
    "watch": Command(
        f"{KIT}.watch",
        "Check an exercise whenever its file is saved; h hint, s solution, q quit.",
        has_containers=True,
    ),
    "hint": Command(f"{KIT}.exercises", "Give the next hint of an exercise."),
    "solution": Command(
        f"{KIT}.exercises",
        "Show the solution of an exercise, once it is passed (or with --anyway).",
    ),
    "reset": Command(f"{KIT}.exercises", "Put an exercise back to its start; what was there is kept aside."),
    "status": Command(f"{KIT}.exercises", "Show which exercises are done and how many minutes are left."),
    "goto": Command(
        f"{KIT}.exercises",
        "Jump to the start of a lesson: files, containers, earlier exercises solved.",
        has_containers=True,
    ),
    "update": Command(f"{KIT}.exercises", "Bring changed lessons into the workspace; yours stay beside them."),
    "tour": Command(
        f"{DEV}.tour",
        "Run every lesson (or those named) from top to bottom without a browser.",
        may_install=True,
        has_containers=True,
    ),
    "plan": Command(
        f"{ROOM}.plan",
        "Print a timetable with breaks: ./workshop plan --track half-day --start 09:30.",
        needs_no_packages=True,
    ),
    "desk": Command(
        f"{ROOM}.instructor",
        "Open the instructor's desk: a demo, faults by one click, a page for the audience.",
    ),
    "audit": Command(
        "container_audit.command",
        "Test your image or container against the factors and principles.",
        has_containers=True,
    ),
    "bundle": Command(
        f"{KIT}.machine",
        "Without a network: save all that set-up needs to a folder, and load it elsewhere.",
    ),
    "down": Command(
        f"{KIT}.machine",
        "Remove what the workshop made: this workspace's containers, networks and volumes.",
    ),
    "seat": Command(
        f"{ROOM}.seats",
        "For rooms: run the server of one seat, as a JupyterHub does; --build builds the seats' image.",
    ),
    "test": Command(
        f"{DEV}.development",
        "Run the whole test suite.",
        may_install=True,
        for_maintainers=True,
        passes_on=True,
    ),
    "bench": Command(
        f"{DEV}.development",
        "Measure speed, as ratios measured side by side.",
        may_install=True,
        for_maintainers=True,
        passes_on=True,
    ),
    "build": Command(
        f"{DEV}.development",
        "For authors: write what is made (the service, pages, lock files).",
        for_maintainers=True,
    ),
    "site": Command(
        f"{DEV}.development",
        "Build lessons, guides and notes as a site to read.",
        may_install=True,
        for_maintainers=True,
    ),
}


def run_without_packages(arguments: list[str]) -> int | None:
    """Show the list of commands, or run a command that needs no package; return None for any other command.

    What is run returns an exit code. Raises WrongUsage for a word that is no command.
    """
    if not arguments or arguments[0] in {"-h", "--help", "help"}:
        answer(overview())
        return Exit.GOOD if arguments else Exit.WRONG_USAGE

    name = arguments[0]
    if name not in COMMANDS:
        sentence = f"There is no command {name!r}. {did_you_mean(name, COMMANDS)}".rstrip()
        raise WrongUsage(sentence, "Run ./workshop --help for the list.")

    command = COMMANDS[name]
    if not command.needs_no_packages:
        return None
    code: int = command.load().main(arguments[1:])
    return code


def overview() -> str:
    """Return the list of commands with their summaries."""
    width = max(map(len, COMMANDS))
    lines = [f"  {name:<{width}}  {command.summary}" for name, command in COMMANDS.items()]
    return "\n".join(["Usage: ./workshop COMMAND [OPTIONS]", "", "Commands:", *lines])
