"""What the launcher runs while the Python environment is not complete: make it, then hand over to the command line."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from typing import NoReturn

from workshop_kit.bootstrap import needs, python_env
from workshop_kit.bundle import load
from workshop_kit.errors import Exit, WorkshopError, WrongUsage
from workshop_kit.paths import CHECKOUT
from workshop_kit.progress import Step


def main(arguments: list[str]) -> int:
    """Run what can run on a bare Python; for everything else make the environment and go on there."""
    if not arguments or arguments[0] in {"-h", "--help", "help"}:
        print(needs.overview())  # noqa: T201 - this is what was asked for
        return Exit.GOOD if arguments else Exit.WRONG_USAGE
    command = needs.find(arguments[0])
    if command is None:
        raise WrongUsage(f"There is no command {arguments[0]!r}.", "Run ./workshop --help for the list.")
    if command.need is needs.Need.NOTHING:
        return _run_without_packages(command, arguments[1:])
    if "--help" in arguments:
        print(needs.help_of(arguments), end="")  # noqa: T201 - this is what was asked for
        return Exit.GOOD
    if command.name == "bundle" and arguments[1:2] == ["load"]:
        return _go_on(load.bring_python(CHECKOUT, arguments[2:], report=_Show()), arguments)
    if not command.may_install:
        python_env.ensure(CHECKOUT, install=False)
    return _go_on(python_env.ensure(CHECKOUT, developer=command.developer_packages, report=_Show()), arguments)


def _go_on(python: Path, arguments: list[str]) -> NoReturn:
    """Hand over to the command line, in the environment that is complete now."""
    os.execv(python, [str(python), "-P", "-m", "workshop_kit.cli", *arguments])


def _run_without_packages(command: needs.Command, arguments: list[str]) -> int:
    if command.name == "doctor":
        from workshop_kit import doctor

        return doctor.main(arguments)
    from workshop_kit.commands import plan

    return plan.main(arguments)


class _Show:
    """Steps on a bare terminal: a line for each new thing, and under it how far that is."""

    def __init__(self) -> None:
        self._said = ""
        self._began = 0.0

    def __call__(self, step: Step) -> None:
        line = f"{step.task}: {'ready' if step.done else step.detail}"
        if line != self._said:
            python_env.show_last("", None)
            python_env.say(line)
            self._said, self._began = line, time.monotonic()
        elif step.fraction is not None:
            python_env.show_last(f"{step.fraction:.0%}", time.monotonic() - self._began)


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except WorkshopError as error:
        for line in [error.output, str(error)]:
            if line:
                python_env.say(line)
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        python_env.say("Stopped. Run the same command again: it goes on where it stopped.")
        sys.exit(130)
