"""What each command of ``./workshop`` needs before it can run: one table, read by the launcher and the command line."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path

HELP = Path(__file__).parent / "help.toml"
"""What ``--help`` says of each command that needs packages: `./workshop build` writes it from the command line."""


class Need(IntEnum):
    """What must be there first; each level includes the ones before it."""

    NOTHING = 0  # any Python 3.11
    PYTHON = 1  # the locked packages
    ENGINE = 2  # a Docker engine that answers
    IMAGES = 3  # the images of the stack


@dataclass(frozen=True)
class Command:
    """One command: its name, one line of help, what it needs, and whether it may install what is missing."""

    name: str
    summary: str
    need: Need
    may_install: bool = False
    developer_packages: bool = False


COMMANDS: tuple[Command, ...] = (
    Command("setup", "Prepare this machine: Python packages, an engine, the images.", Need.PYTHON, True),
    Command("start", "Prepare what is missing and open the first lesson in JupyterLab.", Need.IMAGES, True),
    Command("doctor", "Look at the machine and say what is good and what is not; install nothing.", Need.NOTHING),
    Command("check", "Check an exercise on real containers: ./workshop check container.limits.", Need.IMAGES),
    Command("watch", "Check an exercise whenever its file is saved; h hint, s solution, q quit.", Need.IMAGES),
    Command("hint", "Give the next hint of an exercise.", Need.PYTHON),
    Command("solution", "Show the solution of an exercise, once it is passed (or with --anyway).", Need.PYTHON),
    Command("reset", "Put an exercise back to its start; what was there is kept aside.", Need.PYTHON),
    Command("status", "Show which exercises are done and how many minutes are left.", Need.PYTHON),
    Command("goto", "Jump to the start of a lesson: files, containers, earlier exercises solved.", Need.IMAGES),
    Command("update", "Bring changed lessons into the workspace; what was edited there stays.", Need.PYTHON),
    Command("tour", "Run every lesson (or those named) from top to bottom without a browser.", Need.IMAGES, True),
    Command("plan", "Print a timetable with breaks: ./workshop plan --track half-day --start 09:30.", Need.NOTHING),
    Command("desk", "Open the instructor's desk: load, faults, checkpoints, and a page for the room.", Need.IMAGES),
    Command("audit", "Test your image or container against the factors and principles.", Need.ENGINE),
    Command("bundle", "Without a network: save all that set-up needs to a folder, and load it elsewhere.", Need.PYTHON),
    Command("down", "Remove what the workshop made: this workspace's containers, networks and volumes.", Need.PYTHON),
    Command("test", "Run the whole test suite.", Need.IMAGES, True, True),
    Command("bench", "Measure speed, as ratios measured side by side.", Need.IMAGES, True, True),
    Command("build", "For authors: regenerate what is generated (exercises, lock files).", Need.PYTHON, False, True),
)


def find(name: str) -> Command | None:
    """Return the command of that name, or None."""
    return next((command for command in COMMANDS if command.name == name), None)


def overview() -> str:
    """The commands with a line each, as text: what ``./workshop`` says before anything is installed."""
    width = max(len(command.name) for command in COMMANDS)
    lines = [f"  {command.name:<{width}}  {command.summary}" for command in COMMANDS]
    return "\n".join(["Usage: ./workshop COMMAND [OPTIONS]", "", "Commands:", *lines])


def help_of(words: Sequence[str]) -> str:
    """What ``--help`` says of the command that ``words`` begin with: of ``bundle save`` rather than of ``bundle``."""
    pages: dict[str, str] = tomllib.loads(HELP.read_text(encoding="utf-8"))
    return pages.get(" ".join(words[:2])) or pages[words[0]]
