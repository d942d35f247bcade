"""``audit``: test any image or container against the workshop's rules."""

from __future__ import annotations

import json
import os
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from workshop_kit.commands.common import AsJson, exercise_service
from workshop_kit.engine import reach
from workshop_kit.engine.reach import Engine
from workshop_kit.errors import Exit, WorkshopError, WrongUsage
from workshop_kit.terminal import TerminalReport, answer, say
from workshop_kit.workspace.folder import HIDDEN, own_folder, own_workspace

if TYPE_CHECKING:
    from workshop_kit.audit.findings import AuditReport

NEVER = "never"


def audit(
    target: Annotated[str, typer.Argument(help="An image, a container, or compose:PROJECT.")],
    only: Annotated[
        list[str] | None,
        typer.Option(
            help="Guidelines, rules or principles (config, logs.structured, F5), static or dynamic; repeatable."
        ),
    ] = None,
    as_json: AsJson = False,
    as_sarif: Annotated[bool, typer.Option("--sarif", help="SARIF 2.1.0 on stdout, for a code host.")] = False,
    html: Annotated[Path | None, typer.Option(help="Write a page to this file, too.")] = None,
    fail_on: Annotated[
        list[str] | None, typer.Option(help="Exit with 1 only if one of these does not hold; `never` for a look alone.")
    ] = None,
    ignore: Annotated[Path | None, typer.Option(help="A TOML file of accepted rules: rule, reason, until.")] = None,
) -> None:
    """Test a target against the factors and principles; exit 1 if one does not hold."""
    from workshop_kit.audit import catalog, report
    from workshop_kit.audit.runner import run_audit
    from workshop_kit.engine.reaper import temporary_session

    if as_json and as_sarif:
        raise WrongUsage("--json and --sarif exclude each other.", "Choose one.")
    deciding = [] if fail_on == [NEVER] else sorted(catalog.require(fail_on or []))
    ignored = catalog.load_ignored(ignore) if ignore else []
    if html:
        _require_writable(html)
    with temporary_session(reach.connect()) as session, TerminalReport() as progress:
        found = _marked(run_audit(session, target, only=only or (), progress=progress), session.engine)
    found = catalog.accept(found, ignored, date.today())
    if html:
        html.write_text(report.as_page(found), encoding="utf-8")
        say(f"written: {html}")
    document = report.as_json(found) if as_json else report.as_sarif(found) if as_sarif else None
    answer(report.as_text(found) if document is None else json.dumps(document))
    if fail_on != [NEVER] and found.failing(deciding):
        raise typer.Exit(Exit.NOT_GOOD)


def _marked(found: AuditReport, engine: Engine) -> AuditReport:
    """Return the report; where there is a workspace, it names the exercises of ``my_service/`` that are not passed."""
    from workshop_kit.lessons import take_home

    if not (own_folder() / HIDDEN / "id").is_file():
        return found
    try:
        return take_home.mark_unpassed(found, engine, exercise_service(own_workspace()))
    except WorkshopError:  # a damaged file in the workspace: the audit itself needs none
        return found


def _require_writable(page: Path) -> None:
    """Refuse a page that cannot be written before the audit runs. Raises WrongUsage."""
    if page.is_dir() or not os.access(page if page.exists() else page.parent, os.W_OK):
        raise WrongUsage(f"The page {page} cannot be written.", "Name a file in a folder that is there.")
