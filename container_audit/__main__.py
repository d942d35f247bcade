"""``container-audit``: the same program as ``./workshop audit``."""

from __future__ import annotations

import sys
from typing import NoReturn

from container_audit import command
from workshop_kit import program
from workshop_kit.termination import interrupt_on_termination

NAME = "container-audit"


def main() -> NoReturn:
    """Audit what the command line names."""
    program.exit_with(run, [sys.executable, "-m", "container_audit", *sys.argv[1:]])


def run() -> object:
    """Run the command, and return its exit code."""
    interrupt_on_termination()
    app = program.new_application(NAME)
    app.command()(command.audit)
    return program.start(app, sys.argv[1:], NAME)


if __name__ == "__main__":
    main()
