"""The help of every command as text, for a machine where the packages that print it are not installed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer

from workshop_kit.bootstrap import needs

HEAD = "# Written by `./workshop build` from the command line itself: what --help says before anything is installed."
WIDTH = 78


def write(root: Path, app: typer.Typer) -> Iterator[Path]:
    """Write the pages if they differ; the path, below ``root``, if they were written."""
    text = pages(app)
    if not needs.HELP.is_file() or needs.HELP.read_text(encoding="utf-8") != text:
        needs.HELP.write_text(text, encoding="utf-8")
        yield needs.HELP.relative_to(root)


def pages(app: typer.Typer) -> str:
    """The pages as TOML: a key for each command (``start``, ``bundle save``), its help as a literal string."""
    found = _pages(typer.main.get_command(app), "")
    return "\n\n".join([HEAD, *(f"{key!r} = '''\n{text}\n'''" for key, text in found)]) + "\n"


def _pages(command: Any, name: str) -> Iterator[tuple[str, str]]:
    known = needs.find(name)
    if name and not (known and known.need is needs.Need.NOTHING):
        context = command.context_class(command, info_name=f"./workshop {name}", terminal_width=WIDTH)
        yield name, command.get_help(context)
    for word, inner in getattr(command, "commands", {}).items():
        yield from _pages(inner, f"{name} {word}".strip())
