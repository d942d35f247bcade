"""``audit``: test any image or container against the workshop's rules."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from docker.errors import DockerException
from requests.exceptions import RequestException

from workshop_kit.engine import reach
from workshop_kit.errors import Exit, NotReady, WorkshopError
from workshop_kit.files import explain
from workshop_kit.paths import clone_command
from workshop_kit.terminal import TerminalReport, answer

if TYPE_CHECKING:
    from container_audit.findings import AuditReport

NEVER = "never"
REPORT_IT = "Report this line: it is a fault of the audit, and says nothing about the target."

AuditTarget = Annotated[str, typer.Argument(help="An image, a container, or compose:PROJECT.")]
OnlyRules = Annotated[
    list[str] | None,
    typer.Option(help="Guidelines, rules or principles (config, logs.structured, F5), static or dynamic; repeatable."),
]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON document on stdout, and nothing else there.")]
FailOn = Annotated[
    list[str] | None, typer.Option(help="Exit with 1 only if one of these does not hold; `never` for a look alone.")
]
IgnoreFile = Annotated[Path | None, typer.Option(help="A TOML file of accepted rules: rule, target, reason.")]


def audit(
    target: AuditTarget,
    only: OnlyRules = None,
    as_json: AsJson = False,
    fail_on: FailOn = None,
    ignore: IgnoreFile = None,
) -> None:
    """Test a target against the factors and principles; exit 1 if one does not hold."""
    with _turn_errors_into_not_ready():
        from container_audit import catalog, report
        from container_audit.runner import run_audit
        from workshop_kit.engine.reaper import temporary_session

        deciding = [] if fail_on == [NEVER] else sorted(catalog.require_known_words(fail_on or []))
        ignored = catalog.load_ignored(ignore) if ignore else []

        with temporary_session(reach.connect()) as session, TerminalReport() as progress:
            audit_report = run_audit(session, target, only=only or (), progress=progress)
        audit_report = catalog.apply_ignored(audit_report, ignored)

        answer(json.dumps(report.as_json(audit_report)) if as_json else report.as_text(audit_report))
        _require_complete(audit_report)

    if fail_on != [NEVER] and audit_report.failing(deciding):
        raise typer.Exit(Exit.NOT_GOOD)


@contextlib.contextmanager
def _turn_errors_into_not_ready() -> Iterator[None]:
    """Turn every error but wrong usage into NotReady: a pipeline reads exit code 1 as a finding."""
    from container_audit.findings import unexpected_sentence
    from workshop_kit.observe.masking import Mask

    try:
        yield
    except WorkshopError as error:
        if error.exit_code != Exit.NOT_GOOD:
            raise
        raise NotReady(error.what, error.next_step, output=error.output) from error
    except (DockerException, RequestException) as error:
        raise NotReady(Mask()(f"The engine refused a request: {error}."), f"Run {clone_command('doctor')}.") from error
    except Exception as error:
        if isinstance(error, OSError) and error.errno:
            raise explain(error, Path.cwd()) from error
        raise NotReady(Mask()(unexpected_sentence(error)), REPORT_IT) from error


def _require_complete(report: AuditReport) -> None:
    """Raise NotReady if a rule met an error that the audit did not expect. The report has been written before."""
    if not report.unexpected:
        return

    rule_ids = [finding.rule.id for finding in report.unexpected]
    rules = ", ".join(dict.fromkeys(rule_ids))
    raise NotReady(f"{report.unexpected[0].sentence} That was in {rules}; the other rules were applied.", REPORT_IT)
