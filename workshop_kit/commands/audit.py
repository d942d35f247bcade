"""``audit``: the rules of the workshop, applied to an image or a container of anybody's."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from workshop_kit.engine import reach
from workshop_kit.errors import Exit, WorkshopError, WrongUsage
from workshop_kit.terminal import TerminalReport, answer, say

NEVER = "never"


def audit(
    target: Annotated[str, typer.Argument(help="An image, a container, or compose:PROJECT.")],
    only: Annotated[
        list[str] | None,
        typer.Option(
            help="Guidelines, rules or principles (config, logs.structured, F5), static or dynamic; repeatable."
        ),
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="One JSON document on stdout, and nothing else there.")
    ] = False,
    as_markdown: Annotated[
        bool, typer.Option("--markdown", help="Markdown on stdout, fit for a pull request.")
    ] = False,
    html: Annotated[Path | None, typer.Option(help="Write a page to this file, too.")] = None,
    fail_on: Annotated[
        list[str] | None, typer.Option(help="Exit with 1 only if one of these does not hold; `never` for a look alone.")
    ] = None,
    live: Annotated[bool, typer.Option("--live", help="Look at the container itself; run no clone.")] = False,
    backing: Annotated[
        str | None, typer.Option("--with", help="compose:PROJECT, whose services are cloned to run beside it.")
    ] = None,
) -> None:
    """Are the factors and principles true of it? Exit 1 if something does not hold."""
    from workshop_kit.audit import catalog
    from workshop_kit.audit.examine import examine
    from workshop_kit.audit.report import as_html, as_text
    from workshop_kit.audit.report import as_json as data_of
    from workshop_kit.audit.report import as_markdown as markdown_of
    from workshop_kit.audit.session import temporary_session

    if as_json and as_markdown:
        raise WrongUsage("--json and --markdown cannot both be had.", "Choose one.")
    deciding = [] if fail_on == [NEVER] else sorted(catalog.require(fail_on or []))
    with temporary_session(reach.connect()) as session, TerminalReport() as progress:
        report = examine(session, target, only=only or (), live=live, backing=backing, progress=progress)
    if html:
        _write(html, lambda: as_html(report))
    answer(json.dumps(data_of(report)) if as_json else markdown_of(report) if as_markdown else as_text(report))
    if fail_on != [NEVER] and report.failing(deciding):
        raise typer.Exit(Exit.NOT_GOOD)


def _write(path: Path, page: Callable[[], str]) -> None:
    try:
        path.write_text(page(), encoding="utf-8")
    except OSError as error:
        raise WorkshopError(f"The page {path} cannot be written: {error.strerror}.", "Name another file.") from error
    say(f"written: {path}")
