"""The report as a card for a notebook: a strip of principles, what does not hold in full, the rest folded. Static."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape
from pathlib import Path

from workshop_kit.audit.data import Audited, Finding, Report, Verdict
from workshop_kit.audit.report.text import as_brief
from workshop_kit.audit.report.words import CLOSING, counts, identity, principles
from workshop_kit.screen import as_html as shown
from workshop_kit.show.shown import Shown

STYLE = f"<style>{(Path(__file__).parent / 'card.css').read_text()}</style>"
FOLDED = {
    Verdict.CANNOT_TELL: "What cannot be told from outside",
    Verdict.NOT_APPLICABLE: "What does not apply",
    Verdict.HOLDS: "What holds",
}


def as_card(report: Report) -> Shown:
    """Every text of the target's is escaped, and no script is in it; the text twin only counts what holds."""
    body = "".join(part for one in report.audited for part in _audited(one))
    return Shown(f'{STYLE}<div class="wk-audit">{body}<p class="wk-how">{escape(CLOSING)}</p></div>', as_brief(report))


def _audited(one: Audited) -> Iterator[str]:
    yield f'<p class="wk-title">Audit of <code>{shown(one.target)}</code>: {counts(one)}.</p>'
    what, image = identity(one)
    yield f'<p class="wk-how">{what} <code>{shown(image)}</code>; {one.how}; {one.seconds:.0f} s.</p>'
    yield f'<ul class="wk-strip" aria-label="Factors and principles">{"".join(_strip(one))}</ul>'
    if failing := one.of(Verdict.FAILS):
        rows = "".join(_row(finding) for finding in failing)
        yield (
            '<table><caption>What does not hold</caption><thead><tr><th scope="col">Rule</th>'
            '<th scope="col">What was found, why it matters, what to do next</th></tr></thead>'
            f"<tbody>{rows}</tbody></table>"
        )
    for verdict, title in FOLDED.items():
        if found := one.of(verdict):
            yield f"<details><summary>{title} ({len(found)})</summary>{_list(found)}</details>"


def _strip(one: Audited) -> Iterator[str]:
    for principle, verdict in principles(one):
        title = escape(f"{principle.full_name}: {verdict}", quote=True)
        yield (
            f'<li data-verdict="{verdict.name.lower()}" title="{title}" aria-label="{title}">'
            f"{principle.id} {verdict.symbol}</li>"
        )


def _row(finding: Finding) -> str:
    rule = finding.rule
    evidence = "".join(f"<dt>{shown(one.ran)}</dt><dd><code>{shown(one.saw)}</code></dd>" for one in finding.evidence)
    return (
        f'<tr><th scope="row">{finding.verdict.symbol} {escape(rule.title)}<br><code>{escape(rule.id)}</code></th>'
        f"<td><p>{shown(finding.said)}</p><dl>{evidence}</dl><p>{escape(rule.why)}</p>"
        f"<p>Next: {escape(rule.next_step)}</p></td></tr>"
    )


def _list(found: Sequence[Finding]) -> str:
    items = "".join(f"<li>{escape(one.rule.title)}: {shown(one.said)}</li>" for one in found)
    return f"<ul>{items}</ul>"
