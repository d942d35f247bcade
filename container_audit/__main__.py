"""``container-audit``: the same program as ``./workshop audit``."""

from __future__ import annotations

import sys
from typing import NoReturn

from workshop_kit import cli
from workshop_kit.commands import COMMANDS

NAME = "audit"


def main() -> NoReturn:
    """Audit what the command line names."""
    cli.exit_with(audit)


def audit() -> object:
    """Run the command, and return its exit code."""
    app = cli.application(NAME, alone=True)
    return cli.start(app, sys.argv[1:], "container-audit", COMMANDS[NAME])


if __name__ == "__main__":
    main()
