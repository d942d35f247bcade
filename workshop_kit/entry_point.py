"""The command ``workshop`` of an installed package (standard library only).

A package has the kit and the timetable. Notebooks, exercises and images are in a clone, whose launcher does the rest.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from workshop_kit.bootstrap import command_table
from workshop_kit.commands import plan
from workshop_kit.errors import Exit, NotReady, WorkshopError, WrongUsage
from workshop_kit.paths import CHECKOUT
from workshop_kit.terminal import answer, say_error

PACKAGED = Path(__file__).parent / "packaged"
"""In a package, the files of the clone that `plan` reads; pyproject.toml puts them there."""


def main() -> int:
    """Run the clone's launcher if the package is installed from one, else `plan` or the overview."""
    launcher = CHECKOUT / "workshop"
    if launcher.is_file():
        os.execv(launcher, [str(launcher), *sys.argv[1:]])
    try:
        return run(sys.argv[1:])
    except WorkshopError as error:
        say_error(error)
        return error.exit_code


def run(arguments: list[str]) -> int:
    """Run ``plan``, or show the list of commands. Raises NotReady for a command that needs a clone."""
    if not arguments or arguments[0] in {"-h", "--help", "help"}:
        answer(command_table.overview())
        return Exit.GOOD if arguments else Exit.WRONG_USAGE
    command = command_table.find(arguments[0])
    if command is None:
        raise WrongUsage(f"There is no command {arguments[0]!r}.", "Run workshop --help for the list.")
    if command.name == "plan":
        return plan.main(arguments[1:], PACKAGED)
    raise NotReady(
        f"`workshop {command.name}` needs a clone of the repository: lessons and images are not in the package.",
        f"Clone it, and run ./workshop {command.name} in the clone.",
    )
