"""The report as HTML without a script: a card for a notebook, and a page. Every text of the target's is escaped."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape
from pathlib import Path

from workshop_kit.audit.data import GRAVEST, Audited, Finding, Report, Verdict
from workshop_kit.audit.report.text import as_text
from workshop_kit.audit.report.words import CLOSING, counts, identity, principles
from workshop_kit.display.rendered import Rendered
from workshop_kit.screen import as_html as shown

STYLE = f"<style>{(Path(__file__).parent / 'report.css').read_text()}</style>"
FOLDED = {
    Verdict.CANNOT_TELL: "What cannot be told from outside",
    Verdict.NOT_APPLICABLE: "What does not apply",
    Verdict.HOLDS: "What holds",
}


def as_card(report: Report) -> Rendered:
    """For a notebook, with the same as text."""
    return Rendered(f"{STYLE}{_body(report, 'h4')}", as_text(report))


def as_page(report: Report) -> str:
    """A page of its own: UTF-8, both themes, nothing loaded from elsewhere."""
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>Audit of {shown(report.asked)}</title>'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">{STYLE}</head>'
        f'<body class="wk-page"><main>{_body(report, "h1")}</main></body></html>\n'
    )


def _body(report: Report, heading: str) -> str:
    parts = "".join(part for one in report.audited for part in _audited(one, heading))
    return f'<div class="wk-audit">{parts}<p class="wk-how">{escape(CLOSING)}</p></div>'


def _audited(one: Audited, heading: str) -> Iterator[str]:
    """A summary that fits on a screen, then what does not hold in full, then the rest, folded."""
    failing = one.failing
    yield f"<section><header><{heading}>Audit of <code>{shown(one.target)}</code></{heading}>"
    yield f'<p class="wk-counts">{escape(counts(one))}.</p><p class="wk-how">{shown(identity(one))}</p>'
    if one.reference:
        yield f'<p class="wk-reference">{shown(one.reference)}</p>'
    if failing:
        items = "".join(f"<li>{_headline(finding)}</li>" for finding in failing[:GRAVEST])
        yield f'<p class="wk-title">The gravest</p><ol class="wk-gravest">{items}</ol>'
    strip = "".join(_fields(one))
    yield f'<ul class="wk-strip" aria-label="Factors and principles">{strip}</ul></header>'
    if failing:
        yield f'<p class="wk-title">What does not hold ({len(failing)})</p>'
        yield from (_in_full(finding, is_open=number < GRAVEST) for number, finding in enumerate(failing))
    if one.accepted:
        yield _folded("Accepted", one.accepted)
    for verdict, title in FOLDED.items():
        if found := one.of(verdict):
            yield _folded(title, found)
    yield "</section>"


def _fields(one: Audited) -> Iterator[str]:
    for principle, verdict in principles(one):
        title = escape(f"{principle.full_name}: {verdict}", quote=True)
        yield (
            f'<li data-verdict="{verdict.name.lower()}" title="{title}" aria-label="{title}">'
            f"{principle.id} {verdict.symbol}</li>"
        )


def _headline(finding: Finding) -> str:
    severity = finding.rule.severity
    return (
        f'<span class="wk-severity" data-severity="{severity}">{severity}</span> '
        f"<strong>{escape(finding.rule.title)}</strong>: {shown(finding.said)}"
    )


def _in_full(finding: Finding, *, is_open: bool) -> str:
    rule = finding.rule
    evidence = "".join(f"<dt>{shown(one.ran)}</dt><dd><code>{shown(one.saw)}</code></dd>" for one in finding.evidence)
    return (
        f"<details{' open' if is_open else ''}><summary>{finding.verdict.symbol} {_headline(finding)}</summary>"
        f"<dl>{evidence}</dl><p>{escape(rule.why)}</p><p>Next: {escape(rule.next_step)} "
        f"<code>{escape(rule.id)}</code></p></details>"
    )


def _folded(title: str, found: Sequence[Finding]) -> str:
    items = "".join(f"<li>{escape(one.rule.title)}: {shown(one.accepted or one.said)}</li>" for one in found)
    return f"<details><summary>{title} ({len(found)})</summary><ul>{items}</ul></details>"
