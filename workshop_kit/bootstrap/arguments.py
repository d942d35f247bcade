"""Arguments of the commands that run before anything is installed (standard library only)."""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from typing import NoReturn

from workshop_kit.bootstrap import needs
from workshop_kit.errors import WrongUsage


class Parser(argparse.ArgumentParser):
    """The parser of one command of the table of needs: a mistake is a WrongUsage, help looks as the others' does."""

    def __init__(self, command: str) -> None:
        known = needs.find(command)
        super().__init__(
            prog=f"./workshop {command}",
            description=known.summary if known else None,
            formatter_class=_Formatter,
            add_help=False,
            allow_abbrev=False,
        )
        self._optionals.title = "Options"
        self.add_argument("--help", action="help", help="Show this message and exit.")

    def error(self, message: str) -> NoReturn:
        """Raise WrongUsage with argparse's complaint."""
        raise WrongUsage(f"{message[0].upper()}{message[1:]}.", f"Run {self.prog} --help for what it takes.")


class _Formatter(argparse.HelpFormatter):
    def add_usage(
        self,
        usage: str | None,
        actions: Iterable[argparse.Action],
        groups: Iterable[argparse._MutuallyExclusiveGroup],
        prefix: str | None = None,
    ) -> None:
        super().add_usage(usage, actions, groups, prefix or "Usage: ")
