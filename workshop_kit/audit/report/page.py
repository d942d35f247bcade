"""The report as one HTML page without a script; every text of the target's is escaped."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from pathlib import Path

from workshop_kit.audit import catalog
from workshop_kit.audit.data import Audited, Finding, Report, Verdict
from workshop_kit.audit.report.words import CLOSING, TITLES, counts, identity, principles
from workshop_kit.screen import as_html as shown

STYLE = (Path(__file__).parent / "page.css").read_text()


def as_html(report: Report) -> str:
    """A page of its own: UTF-8, both themes, nothing loaded from elsewhere."""
    title = f"Audit of {shown(report.asked)}"
    from workshop_kit.audit.heatmap import heatmap, named  # slow imports, for pages alone

    body = heatmap("Factors and principles", named(report)).html if report.audited else ""
    body += "".join(part for one in report.audited for part in _audited(one))
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
        f'<meta name="viewport" content="width=device-width"><style>{STYLE}</style></head>'
        f"<body><main><h1>{title}</h1>{body}<p>{escape(CLOSING)}</p></main></body></html>\n"
    )


def _audited(one: Audited) -> Iterator[str]:
    what, _ = identity(one)
    yield f"<section><h2>{shown(one.target)}</h2><p>{what} <code>{shown(one.image_id)}</code>; {one.how}.</p>"
    yield f"<p><strong>{counts(one)}.</strong></p>"
    for guideline in catalog.guidelines():
        rows = "".join(_row(finding) for finding in one.findings if finding.rule.guideline == guideline)
        if rows:
            yield _table(TITLES[guideline], ("Verdict", "Rule", "What was found"), rows)
    yield _table(
        "Factors and principles", ("Verdict", "Principle", "What no look from outside tells"), _principles(one)
    )
    yield "</section>"


def _table(caption: str, columns: tuple[str, ...], rows: str) -> str:
    head = "".join(f'<th scope="col">{escape(column)}</th>' for column in columns)
    return f"<table><caption>{escape(caption)}</caption><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"


def _row(finding: Finding) -> str:
    rule = finding.rule
    evidence = "".join(f"<dt>{shown(one.ran)}</dt><dd><code>{shown(one.saw)}</code></dd>" for one in finding.evidence)
    advice = ""
    if finding.verdict is Verdict.FAILS:
        advice = f"<p>{escape(rule.why)}</p><p>Next: {escape(rule.next_step)}</p>"
    return (
        f'<tr data-verdict="{finding.verdict.name.lower()}"><td>{_verdict(finding.verdict)}</td>'
        f'<th scope="row">{escape(rule.title)}<br><code>{escape(rule.id)}</code></th>'
        f"<td>{shown(finding.said)}<dl>{evidence}</dl>{advice}</td></tr>"
    )


def _principles(one: Audited) -> str:
    return "".join(
        f'<tr data-verdict="{verdict.name.lower()}"><td>{_verdict(verdict)}</td>'
        f'<th scope="row">{escape(principle.full_name)}</th><td>{escape(principle.unseen)}</td></tr>'
        for principle, verdict in principles(one)
    )


def _verdict(verdict: Verdict) -> str:
    return f'<span aria-hidden="true">{verdict.symbol}</span> {escape(verdict)}'
