"""The report as Markdown, to be pasted into a pull request."""

from __future__ import annotations

import re
from collections.abc import Iterator

from workshop_kit.audit import catalog
from workshop_kit.audit.data import Audited, Finding, Report, Verdict
from workshop_kit.audit.report.words import CLOSING, TITLES, counts, identity, principles

_ACTIVE = re.compile(r"[\\`*_\[\]<>#|~&@]|:(?=//)|(?<=www)\.|(?<=mailto):", re.IGNORECASE)


def as_markdown(report: Report) -> str:
    """A heading for each image or container, a table for each guideline, and one of the principles."""
    return "\n".join([*(line for one in report.audited for line in _audited(one)), f"*{CLOSING}*", ""])


def code(text: str) -> str:
    """A text as code in a table's cell, whatever it holds: nothing in it acts."""
    fence = "`" * (max(map(len, re.findall("`+", text)), default=0) + 1)
    space = " " if text.startswith("`") or text.endswith("`") else ""
    return f"{fence}{space}{text}{space}{fence}".replace("|", "\\|") if text else ""


def plain(text: str) -> str:
    """A text as text: no link, no image, no HTML, no mention."""
    return _ACTIVE.sub(lambda found: f"&#{ord(found[0])};", text)


def heading(one: Audited) -> Iterator[str]:
    """What was audited and how, and how many rules hold."""
    what, image = identity(one)
    yield f"## Audit of {code(one.target)}"
    yield ""
    yield f"{what.capitalize()} {code(image)}; {one.how}. **{counts(one)}.**"
    yield ""


def verdicts(one: Audited) -> Iterator[str]:
    """The factors and principles as a table: the heat map in words."""
    yield "| | | Verdict |"
    yield "| --- | --- | --- |"
    for principle, verdict in principles(one):
        yield f"| {principle.id} | {principle.name} | {verdict.symbol} {verdict} |"
    yield ""


def _audited(one: Audited) -> Iterator[str]:
    yield from heading(one)
    for guideline in catalog.guidelines():
        found = [finding for finding in one.findings if finding.rule.guideline == guideline]
        if found:
            yield f"### {TITLES[guideline]}"
            yield ""
            yield "| | Rule | What was found |"
            yield "| --- | --- | --- |"
            yield from (_row(finding) for finding in found)
            yield ""
    yield "### Factors and principles"
    yield ""
    yield from verdicts(one)


def _row(finding: Finding) -> str:
    rule = finding.rule
    parts = [plain(finding.said)]
    if finding.verdict is Verdict.FAILS:
        parts += [f"{code(one.ran)}: {code(one.saw)}" for one in finding.evidence]
        parts += [f"Why: {rule.why}", f"Next: {plain(rule.next_step)}"]
    return f"| {finding.verdict.symbol} {finding.verdict} | {rule.title} (`{rule.id}`) | {'<br>'.join(parts)} |"
