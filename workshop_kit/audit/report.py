"""A report as text and as HTML without a script. Every text of the target is escaped."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape
from pathlib import Path

from workshop_kit.audit import catalog
from workshop_kit.audit.findings import GRAVEST, Finding, Principle, Report, TargetReport, Verdict
from workshop_kit.display.rendered import Shown
from workshop_kit.screen import as_html as shown

CLOSING = (
    "One look from outside, by rules that somebody chose. What differs where you work? "
    "What cannot be told from outside, only you can tell."
)
STYLE = f"<style>{(Path(__file__).parent / 'report.css').read_text()}</style>"
FOLDED = {
    Verdict.CANNOT_TELL: "What cannot be told from outside",
    Verdict.NOT_APPLICABLE: "What does not apply",
    Verdict.HOLDS: "What holds",
}


def as_text(report: Report) -> str:
    """Failed findings in full, findings that cannot be told in a line each, the others as a count."""
    return "\n".join([*(line for one in report.targets for line in _text_of_target(one)), CLOSING])


def _text_of_target(one: TargetReport) -> Iterator[str]:
    yield f"Audit of {one.target}: {counts(one)}."
    yield f"({identity(one)})"
    if one.reference:
        yield one.reference
    yield "  ".join(f"{principle.id} {verdict.symbol}" for principle, verdict in principles(one))
    yield from _text_of_group("The gravest", one.failing[:GRAVEST])
    yield from _text_of_group("What else does not hold", one.failing[GRAVEST:])
    for title, found in (("Accepted", one.accepted), ("What cannot be told", one.of(Verdict.CANNOT_TELL))):
        if found:
            yield from ("", title)
        for said in dict.fromkeys(finding.accepted or finding.said for finding in found):
            titles = [each.rule.title for each in found if said in {each.accepted, each.said}]
            yield f"  {found[0].verdict.symbol} {'; '.join(titles)}: {said}"
    yield ""


def _text_of_group(title: str, found: tuple[Finding, ...]) -> Iterator[str]:
    if found:
        yield from ("", title)
    for finding in found:
        rule = finding.rule
        yield f"  {finding.verdict.symbol} {rule.title}: {finding.verdict} ({rule.severity}). {finding.said}"
        yield from (f"      {one.ran}: {one.saw}" for one in finding.evidence)
        yield f"      {rule.why}"
        yield f"      -> {rule.next_step} ({rule.id})"


def as_card(report: Report) -> Shown:
    """A card for a notebook, with a text version."""
    return Shown(f"{STYLE}{_html_body(report, 'h4')}", as_text(report))


def as_page(report: Report) -> str:
    """A complete page: UTF-8, light and dark theme, no external resource."""
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>Audit of {shown(report.asked)}</title>'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">{STYLE}</head>'
        f'<body class="wk-page"><main>{_html_body(report, "h1")}</main></body></html>\n'
    )


def _html_body(report: Report, heading: str) -> str:
    parts = "".join(part for one in report.targets for part in _html_of_target(one, heading))
    return f'<div class="wk-audit">{parts}<p class="wk-how">{escape(CLOSING)}</p></div>'


def _html_of_target(one: TargetReport, heading: str) -> Iterator[str]:
    """A summary, then the failed findings in full, then the others folded."""
    failing = one.failing
    yield f"<section><header><{heading}>Audit of <code>{shown(one.target)}</code></{heading}>"
    yield f'<p class="wk-counts">{escape(counts(one))}.</p><p class="wk-how">{shown(identity(one))}</p>'
    if one.reference:
        yield f'<p class="wk-reference">{shown(one.reference)}</p>'
    if failing:
        items = "".join(f"<li>{_headline(finding)}</li>" for finding in failing[:GRAVEST])
        yield f'<p class="wk-title">The gravest</p><ol class="wk-gravest">{items}</ol>'
    strip = "".join(_html_principles(one))
    yield f'<ul class="wk-strip" aria-label="Factors and principles">{strip}</ul></header>'
    if failing:
        yield f'<p class="wk-title">What does not hold ({len(failing)})</p>'
        yield from (_html_finding(finding, is_open=number < GRAVEST) for number, finding in enumerate(failing))
    if one.accepted:
        yield _html_folded("Accepted", one.accepted)
    for verdict, title in FOLDED.items():
        if found := one.of(verdict):
            yield _html_folded(title, found)
    yield "</section>"


def _html_principles(one: TargetReport) -> Iterator[str]:
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


def _html_finding(finding: Finding, *, is_open: bool) -> str:
    rule = finding.rule
    evidence = "".join(f"<dt>{shown(one.ran)}</dt><dd><code>{shown(one.saw)}</code></dd>" for one in finding.evidence)
    return (
        f"<details{' open' if is_open else ''}><summary>{finding.verdict.symbol} {_headline(finding)}</summary>"
        f"<dl>{evidence}</dl><p>{escape(rule.why)}</p><p>Next: {escape(rule.next_step)} "
        f"<code>{escape(rule.id)}</code></p></details>"
    )


def _html_folded(title: str, found: Sequence[Finding]) -> str:
    items = "".join(f"<li>{escape(one.rule.title)}: {shown(one.accepted or one.said)}</li>" for one in found)
    return f"<details><summary>{title} ({len(found)})</summary><ul>{items}</ul></details>"


def counts(one: TargetReport) -> str:
    """The number of findings by verdict: ``21 hold, 2 do not hold (1 accepted), …``."""
    words = {
        Verdict.HOLDS: ("holds", "hold"),
        Verdict.FAILS: ("does not hold", "do not hold"),
        Verdict.CANNOT_TELL: ("cannot be told", "cannot be told"),
        Verdict.NOT_APPLICABLE: ("is not applicable", "are not applicable"),
    }
    numbers = {verdict: len(one.of(verdict)) for verdict in Verdict}
    told = {verdict: f"{number} {words[verdict][number != 1]}" for verdict, number in numbers.items() if number}
    if one.accepted:
        told[Verdict.FAILS] += f" ({len(one.accepted)} accepted)"
    return ", ".join(told.values())


def identity(one: TargetReport) -> str:
    """Kind, short image id, method and duration: ``container of the image 0f1e2d3c4b5a; …; 12 s``."""
    words = "image" if one.kind == "image" else f"{one.kind} of the image"
    return f"{words} {one.image_id.removeprefix('sha256:')[:12]}; {one.how}; {one.seconds:.0f} s"


def principles(one: TargetReport) -> tuple[tuple[Principle, Verdict], ...]:
    """Each principle with its verdict, without those whose rules were not applied.

    A principle that no rule serves is listed in a complete audit only.
    """
    whole = len(one.findings) == len(catalog.rules())
    return tuple(
        (principle, one.verdict_on(principle.id))
        for principle in catalog.principles()
        if one.of_principle(principle.id) or (whole and not catalog.served(principle.id))
    )
