"""The command line before its packages: for the launcher, and as the command ``workshop`` of a package.

In a clone it makes the Python environment, then starts ``cli``. A package has the kit and the timetable; notebooks,
exercises and images are in a clone.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from workshop_kit import python_env
from workshop_kit.bundle import wheels
from workshop_kit.commands import COMMANDS, Command, doctor
from workshop_kit.errors import Exit, NotReady, WorkshopError, WrongUsage, did_you_mean
from workshop_kit.paths import CHECKOUT
from workshop_kit.terminal import Parser, answer, say, say_error
from workshop_kit.workspace.course import TRACKS, load_course
from workshop_room.timetable import late
from workshop_room.timetable.plan import as_json, as_text, minutes_of, timetable

LAUNCHER = CHECKOUT / "workshop"
PACKAGED = Path(__file__).parents[1] / "packaged"
"""In a package, the files of the clone that `plan` reads; pyproject.toml puts them there."""


def package() -> int:
    """Run the command of a package; where it is installed from a clone, that is the clone's launcher."""
    if LAUNCHER.is_file():
        os.execv(LAUNCHER, [str(LAUNCHER), *sys.argv[1:]])
    return main()


def main() -> int:
    """Run the command line; an error becomes one sentence and its exit code."""
    try:
        return run(sys.argv[1:])
    except WorkshopError as error:
        say_error(error)
        return error.exit_code
    except KeyboardInterrupt:
        say("Stopped. Run the same command again: it goes on where it stopped.")
        return 130


def run(arguments: list[str]) -> int:
    """Run what needs no package; for every other command make the environment first, and run it there."""
    if (code := run_without_packages(arguments)) is not None:
        return code
    name = arguments[0]
    if "--help" in arguments:
        answer(help_of(name))
        return Exit.GOOD
    return _start_command_line(COMMANDS[name], arguments)


def run_without_packages(arguments: list[str]) -> int | None:
    """Show the commands, or run ``doctor`` or ``plan``; return the exit code, None for every other command.

    Raises WrongUsage for a word that is no command, NotReady in a package for one that needs a clone.
    """
    if not arguments or arguments[0] in {"-h", "--help", "help"}:
        answer(overview())
        return Exit.GOOD if arguments else Exit.WRONG_USAGE
    name, is_clone = arguments[0], LAUNCHER.is_file()
    if name not in COMMANDS:
        what = f"There is no command {name!r}. {did_you_mean(name, COMMANDS)}".rstrip()
        raise WrongUsage(what, "Run ./workshop --help for the list.")
    if name == "plan":
        return plan(arguments[1:], CHECKOUT if is_clone else PACKAGED)
    if not is_clone:
        raise NotReady(
            f"`workshop {name}` needs a clone of the repository: lessons and images are not in the package.",
            f"Clone it, and run ./workshop {name} in the clone.",
        )
    return doctor.main(arguments[1:]) if name == "doctor" else None


def plan(arguments: Sequence[str], root: Path = CHECKOUT) -> int:
    """Print the timetable of a track; ``root`` has exercises.toml and the notebooks. Raises WrongUsage."""
    parser = Parser("plan", COMMANDS["plan"].summary)
    parser.add_argument("--track", default="full", metavar="NAME", help=f"One of: {', '.join(TRACKS)}. [full]")
    parser.add_argument("--start", default="09:30", metavar="HH:MM", help="When it begins. [09:30]")
    parser.add_argument("--now", metavar="HH:MM", help="Say what to cut from now on to end in time.")
    parser.add_argument("--at", default="", metavar="LESSON", help="With --now: the lesson that you begin now.")
    forms = parser.add_mutually_exclusive_group()
    forms.add_argument("--json", action="store_true", help="One JSON document on stdout, and nothing else there.")
    forms.add_argument("--markdown", action="store_true", help="Markdown on stdout, for a page or a mail.")
    wanted = parser.parse_args(arguments)
    blocks = timetable(load_course(root), wanted.track, wanted.start)
    if wanted.now or wanted.at:
        if not wanted.now:
            raise WrongUsage("--at names the lesson that begins now.", "Add --now with the time, as in 10:12.")
        answer(late.as_text(blocks, minutes_of(wanted.now), wanted.at))
    elif wanted.json:
        answer(json.dumps(as_json(wanted.track, blocks)))
    else:
        answer(as_text(wanted.track, blocks, markdown=wanted.markdown))
    return Exit.GOOD


def overview() -> str:
    """Return the list of commands with their summaries."""
    width = max(map(len, COMMANDS))
    lines = [f"  {name:<{width}}  {command.summary}" for name, command in COMMANDS.items()]
    return "\n".join(["Usage: ./workshop COMMAND [OPTIONS]", "", "Commands:", *lines])


def help_of(name: str) -> str:
    """Return what ``--help`` says of a command before there are packages."""
    usage = f"Usage: ./workshop {name} [OPTIONS]"
    return f"{usage}\n{COMMANDS[name].summary} Its options are shown once ./workshop setup has run."


def _start_command_line(command: Command, arguments: list[str]) -> NoReturn:
    """Run a command in the environment that it needs, which is made first if the command may install it."""
    if arguments[:2] == ["bundle", "load"]:
        python = wheels.make_python(CHECKOUT, arguments[2:])
    else:
        developer = command.developer_packages
        python = python_env.ensure(CHECKOUT, developer=developer, install=command.may_install)
    os.execv(python, [str(python), "-P", "-m", "workshop_kit.cli", *arguments])


if __name__ == "__main__":
    sys.exit(main())
