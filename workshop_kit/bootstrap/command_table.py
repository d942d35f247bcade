"""The table of commands, their help before set-up, and the parser of bare ones (standard library only)."""

from __future__ import annotations

import argparse
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from workshop_kit.errors import WrongUsage

HELP = Path(__file__).parent / "help.toml"
"""The help of each command that needs packages; ``./workshop build`` writes it from the command line."""


@dataclass(frozen=True)
class Command:
    """One command. ``may_install`` allows it to install packages; a ``bare`` one runs without any."""

    name: str
    summary: str
    may_install: bool = False
    developer_packages: bool = False
    bare: bool = False


COMMANDS: tuple[Command, ...] = (
    Command("setup", "Prepare this machine: Python packages, an engine, the images.", may_install=True),
    Command("start", "Prepare what is missing and open the first lesson in JupyterLab.", may_install=True),
    Command("doctor", "Look at the machine and say what is good and what is not; install nothing.", bare=True),
    Command("check", "Check an exercise on real containers: ./workshop check container.limits."),
    Command("watch", "Check an exercise whenever its file is saved; h hint, s solution, q quit."),
    Command("hint", "Give the next hint of an exercise."),
    Command("solution", "Show the solution of an exercise, once it is passed (or with --anyway)."),
    Command("reset", "Put an exercise back to its start; what was there is kept aside."),
    Command("status", "Show which exercises are done and how many minutes are left."),
    Command("goto", "Jump to the start of a lesson: files, containers, earlier exercises solved."),
    Command("update", "Bring changed lessons into the workspace; what was edited there stays."),
    Command("progress", "For a change of machine: export your progress and files to one file, and import it there."),
    Command("tour", "Run every lesson (or those named) from top to bottom without a browser.", may_install=True),
    Command("plan", "Print a timetable with breaks: ./workshop plan --track half-day --start 09:30.", bare=True),
    Command("notes", "Write the instructor's notes of each lesson as pages to print."),
    Command("desk", "Open the instructor's desk: load, faults, checkpoints, a page for the audience, a live room."),
    Command("join", "Join an instructor's live room: ./workshop join 7K2M-Q9FD-30XA; --leave ends it."),
    Command("audit", "Test your image or container against the factors and principles."),
    Command("bundle", "Without a network: save all that set-up needs to a folder, and load it elsewhere."),
    Command("down", "Remove what the workshop made: this workspace's containers, networks and volumes."),
    Command("seat", "For rooms: run the server of one seat, as a JupyterHub does; --build builds the seats' image."),
    Command("hub", "For rooms: seats on one machine for people without an engine.", may_install=True),
    Command("test", "Run the whole test suite.", may_install=True, developer_packages=True),
    Command("bench", "Measure speed, as ratios measured side by side.", may_install=True, developer_packages=True),
    Command("new", "For authors: make the files of a new lesson: ./workshop new lesson 07_network."),
    Command("build", "For authors: regenerate what is generated (exercises, lock files).", developer_packages=True),
    Command("site", "Build lessons, guides and notes as a site to read.", may_install=True, developer_packages=True),
)


def find(name: str) -> Command:
    """Return the command of that name. Raises WrongUsage."""
    found = next((command for command in COMMANDS if command.name == name), None)
    if found is None:
        raise WrongUsage(f"There is no command {name!r}.", "Run ./workshop --help for the list.")
    return found


def overview() -> str:
    """Return the list of commands with their summaries, for ``./workshop --help`` before set-up."""
    width = max(len(command.name) for command in COMMANDS)
    lines = [f"  {command.name:<{width}}  {command.summary}" for command in COMMANDS]
    return "\n".join(["Usage: ./workshop COMMAND [OPTIONS]", "", "Commands:", *lines])


def help_of(words: Sequence[str]) -> str:
    """Return the help of the command at the start of ``words``, of ``bundle save`` rather than ``bundle``."""
    pages: dict[str, str] = tomllib.loads(HELP.read_text(encoding="utf-8"))
    return pages.get(" ".join(words[:2])) or pages[words[0]]


class Parser(argparse.ArgumentParser):
    """The argument parser of a command that runs on a bare Python; a mistake raises WrongUsage."""

    def __init__(self, command: str) -> None:
        summary = find(command).summary
        super().__init__(prog=f"./workshop {command}", description=summary, add_help=False, allow_abbrev=False)
        self.add_argument("--help", action="help", help="Show this message and exit.")

    def error(self, message: str) -> NoReturn:
        """Raise WrongUsage with argparse's complaint."""
        raise WrongUsage(f"{message[0].upper()}{message[1:]}.", f"Run {self.prog} --help for what it takes.")
