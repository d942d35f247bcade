"""The launcher runs this while the Python environment is incomplete: make it, then start the command line."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import NoReturn

from workshop_kit.bootstrap import command_table, python_env
from workshop_kit.bundle import wheels
from workshop_kit.errors import Exit, WorkshopError, WrongUsage
from workshop_kit.paths import CHECKOUT
from workshop_kit.progress import Step
from workshop_kit.terminal import answer, say, say_error


def main(arguments: list[str]) -> int:
    """Run what can run on a bare Python; for every other command make the environment first."""
    if not arguments or arguments[0] in {"-h", "--help", "help"}:
        answer(command_table.overview())
        return Exit.GOOD if arguments else Exit.WRONG_USAGE
    command = command_table.find(arguments[0])
    if command is None:
        raise WrongUsage(f"There is no command {arguments[0]!r}.", "Run ./workshop --help for the list.")
    if command.bare:
        return _run_without_packages(command.name, arguments[1:])
    if "--help" in arguments:
        answer(command_table.help_of(arguments).rstrip("\n"))
        return Exit.GOOD
    if command.name == "bundle" and arguments[1:2] == ["load"]:
        return _start_command_line(wheels.make_python(CHECKOUT, arguments[2:], report=_report), arguments)
    if not command.may_install:
        python_env.ensure(CHECKOUT, install=False)
    python = python_env.ensure(CHECKOUT, developer=command.developer_packages, report=_report)
    return _start_command_line(python, arguments)


def _start_command_line(python: Path, arguments: list[str]) -> NoReturn:
    os.execv(python, [str(python), "-P", "-m", "workshop_kit.cli", *arguments])


def _run_without_packages(name: str, arguments: list[str]) -> int:
    from workshop_kit.commands import doctor, plan

    return doctor.main(arguments) if name == "doctor" else plan.main(arguments)


_said: list[str] = []


def _report(step: Step) -> None:
    """Write a line for each new step: a ``Report`` without packages."""
    line = f"{step.task}: {'ready' if step.done else step.detail}"
    if line not in _said[-1:]:
        say(line)
        _said.append(line)


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except WorkshopError as error:
        say_error(error)
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        say("Stopped. Run the same command again: it goes on where it stopped.")
        sys.exit(130)
