"""``audit``: test any image or container against the workshop's rules."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator
from datetime import date
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from docker.errors import DockerException
from requests.exceptions import RequestException

from workshop_kit.engine import reach
from workshop_kit.errors import Exit, NotReady, WorkshopError, WrongUsage
from workshop_kit.files import explain
from workshop_kit.paths import clone_command
from workshop_kit.terminal import TerminalReport, answer, say

if TYPE_CHECKING:
    from container_audit.findings import AuditReport
    from container_audit.report_files import Form, ReportFile

NEVER = "never"
REPORT_IT = "Report this line: it is a fault of the audit, and says nothing about the target."

AuditTarget = Annotated[str, typer.Argument(help="An image, a container, or compose:PROJECT.")]
OnlyRules = Annotated[
    list[str] | None,
    typer.Option(help="Guidelines, rules or principles (config, logs.structured, F5), static or dynamic; repeatable."),
]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON document on stdout, and nothing else there.")]
AsSarif = Annotated[bool, typer.Option("--sarif", help="SARIF 2.1.0 on stdout, for a code host.")]
HtmlPage = Annotated[Path | None, typer.Option(help="Write a page to this file, too.")]
OutputFiles = Annotated[
    list[Path] | None,
    typer.Option(
        help="Write the report to this file: .html, .sarif, .json, .txt, or as --json or --sarif say; repeatable."
    ),
]
SourceFiles = Annotated[
    Path | None,
    typer.Option(help="The Dockerfile or compose file of the target, or their folder, for the lines in SARIF."),
]
FailOn = Annotated[
    list[str] | None, typer.Option(help="Exit with 1 only if one of these does not hold; `never` for a look alone.")
]
IgnoreFile = Annotated[Path | None, typer.Option(help="A TOML file of accepted rules: rule, reason, until.")]


def audit(
    target: AuditTarget,
    only: OnlyRules = None,
    as_json: AsJson = False,
    as_sarif: AsSarif = False,
    html: HtmlPage = None,
    output: OutputFiles = None,
    source: SourceFiles = None,
    fail_on: FailOn = None,
    ignore: IgnoreFile = None,
) -> None:
    """Test a target against the factors and principles; exit 1 if one does not hold."""
    with _turn_errors_into_not_ready():
        from container_audit import catalog, sources
        from container_audit.report_files import Form, render
        from container_audit.runner import run_audit
        from workshop_kit.engine.reaper import temporary_session

        form = _form_of_options(as_json=as_json, as_sarif=as_sarif)
        files = _report_files(output or (), html, form)
        if source:
            sources.require_readable(source)
        deciding = [] if fail_on == [NEVER] else sorted(catalog.require_known_words(fail_on or []))
        ignored = catalog.load_ignored(ignore) if ignore else []

        locate = partial(sources.locate, source=source)
        with temporary_session(reach.connect()) as session, TerminalReport() as progress:
            report = run_audit(session, target, only=only or (), progress=progress, locate=locate)
        report = catalog.apply_ignored(report, ignored, date.today())

        stdout_form = Form.TEXT if form is None or output else form
        answer(render(report, stdout_form))
        for file in files:
            file.write(report)
            say(f"written: {file.path}")
        _require_complete(report)

    if fail_on != [NEVER] and report.failing(deciding):
        raise typer.Exit(Exit.NOT_GOOD)


def _report_files(paths: Iterable[Path], html: Path | None, form: Form | None) -> list[ReportFile]:
    """Return the files to write, the HTML page last.

    Raises WrongUsage for a file that cannot be written, or whose form is not known.
    """
    from container_audit.report_files import Form, ReportFile, report_file

    files = [report_file(path, form) for path in paths]
    if html:
        files.append(ReportFile(html, Form.HTML))
    for file in files:
        file.require_writable()
    return files


def _form_of_options(*, as_json: bool, as_sarif: bool) -> Form | None:
    """Return the form that an option asks for, None without an option. Raises WrongUsage for both options."""
    from container_audit.report_files import Form

    if as_json and as_sarif:
        raise WrongUsage("--json and --sarif exclude each other.", "Choose one.")
    if as_json:
        return Form.JSON
    if as_sarif:
        return Form.SARIF
    return None


@contextlib.contextmanager
def _turn_errors_into_not_ready() -> Iterator[None]:
    """Turn every error but wrong usage into NotReady: a pipeline reads exit code 1 as a finding."""
    from container_audit import unexpected
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
        raise NotReady(Mask()(unexpected.sentence(error)), REPORT_IT) from error


def _require_complete(report: AuditReport) -> None:
    """Raise NotReady if a rule met an error that the audit did not expect. The report has been written before."""
    if not report.unexpected:
        return

    rule_ids = [finding.rule.id for finding in report.unexpected]
    rules = ", ".join(dict.fromkeys(rule_ids))
    raise NotReady(f"{report.unexpected[0].sentence} That was in {rules}; the other rules were applied.", REPORT_IT)
