"""The command line before its packages: for the launcher, and as the command ``workshop`` of a package.

In a clone it makes the Python environment, then starts ``cli``. A package has the kit and the timetable; notebooks,
exercises and images are in a clone.
"""

from __future__ import annotations

import os
import sys
from typing import NoReturn

from workshop_kit import python_env
from workshop_kit.bundle import wheels
from workshop_kit.commands import COMMANDS, Command
from workshop_kit.errors import Exit, NotReady, WorkshopError, WrongUsage, did_you_mean
from workshop_kit.paths import CHECKOUT, LAUNCHER
from workshop_kit.terminal import answer, say, say_error


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
    """Show the commands, or run a bare one; return the exit code, None for every other command.

    Raises WrongUsage for a word that is no command, NotReady in a package for one that needs a clone.
    """
    if not arguments or arguments[0] in {"-h", "--help", "help"}:
        answer(overview())
        return Exit.GOOD if arguments else Exit.WRONG_USAGE

    name = arguments[0]
    is_clone = LAUNCHER.is_file()
    if name not in COMMANDS:
        sentence = f"There is no command {name!r}. {did_you_mean(name, COMMANDS)}".rstrip()
        raise WrongUsage(sentence, "Run ./workshop --help for the list.")
    if not is_clone and name != "plan":
        raise NotReady(
            f"`workshop {name}` needs a clone of the repository: lessons and images are not in the package.",
            f"Clone it, and run ./workshop {name} in the clone.",
        )

    command = COMMANDS[name]
    return command.load().main(arguments[1:]) if command.bare else None


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
        developer = command.for_maintainers
        python = python_env.ensure(CHECKOUT, developer=developer, install=command.may_install)

    os.execv(python, [str(python), "-P", "-m", "workshop_kit.cli", *arguments])


if __name__ == "__main__":
    sys.exit(main())
