"""The command line as the launcher starts it, without third-party packages.

It makes the Python environment, then starts ``cli``.
"""

from __future__ import annotations

import os
import sys
from typing import NoReturn

from workshop_kit import python_env
from workshop_kit.bundle import wheels
from workshop_kit.commands import COMMANDS, Command, run_without_packages
from workshop_kit.errors import Exit, WorkshopError
from workshop_kit.paths import CHECKOUT
from workshop_kit.terminal import answer, say, say_error


def main() -> int:
    """Run the command line, and return its exit code; an error is shown as one sentence."""
    try:
        return run(sys.argv[1:])
    except WorkshopError as error:
        say_error(error)
        return error.exit_code
    except KeyboardInterrupt:
        say("Stopped. Run the same command again: it goes on where it stopped.")
        return 130


def run(arguments: list[str]) -> int:
    """Run a command: here if it needs no package, otherwise in the environment, which is made first if absent."""
    code = run_without_packages(arguments)
    if code is not None:
        return code

    name = arguments[0]
    if "--help" in arguments:
        answer(help_of(name))
        return Exit.GOOD

    return _start_command_line(COMMANDS[name], arguments)


def help_of(name: str) -> str:
    """Return the help of a command while there are no packages, which its full help needs."""
    usage = f"Usage: ./workshop {name} [OPTIONS]"
    return f"{usage}\n{COMMANDS[name].summary} Its options are shown once ./workshop setup has run."


def _start_command_line(command: Command, arguments: list[str]) -> NoReturn:
    """Run a command in its Python environment; make that first if it is absent and the command may do so."""
    if arguments[:2] == ["bundle", "load"]:
        python = wheels.make_python(CHECKOUT, arguments[2:])
    else:
        developer = command.for_maintainers
        python = python_env.ensure(CHECKOUT, developer=developer, install=command.may_install)

    os.execv(python, [str(python), "-P", "-m", "workshop_kit.cli", *arguments])


if __name__ == "__main__":
    sys.exit(main())
