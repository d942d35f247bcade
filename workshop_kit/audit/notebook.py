"""``audit(...)`` in a notebook: progress, a card, tables, and a heat map of the verdicts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from textwrap import wrap
from typing import Any

import pandas as pd

from workshop_kit.audit import catalog
from workshop_kit.audit.findings import Finding, Report, TargetReport, Verdict
from workshop_kit.audit.report import as_card, principles
from workshop_kit.audit.runner import run_audit
from workshop_kit.audit.targets import CONTAINER, IMAGE
from workshop_kit.display.charts import INK, PAPER, new_figure, picture
from workshop_kit.display.notebook_progress import NotebookReport
from workshop_kit.display.rendered import Rendered
from workshop_kit.engine import reach
from workshop_kit.engine.reaper import temporary_session
from workshop_kit.engine.session import Session
from workshop_kit.errors import WrongUsage

COLUMNS = (
    *("target", "guideline", "rule", "title", "severity", "serves", "method"),
    *("verdict", "said", "evidence", "why", "next_step", "seconds"),
)
FILL = {
    Verdict.HOLDS: "#b7e0c6",
    Verdict.FAILS: "#f2b3a6",
    Verdict.CANNOT_TELL: "#e6e6e6",
    Verdict.NOT_APPLICABLE: PAPER,
}
EDGE = "#8c959f"
ROW_INCHES = 0.27
NOTE_CHARACTERS = 110


@dataclass(frozen=True)
class Audit:
    """An audit's report in a notebook: its display is a card."""

    report: Report

    @property
    def data(self) -> pd.DataFrame:
        """A DataFrame with a row for each rule and target, and the columns `COLUMNS`."""
        rows = [_row(one, finding) for one in self.report.targets for finding in one.findings]
        return pd.DataFrame(rows, columns=pd.Index(COLUMNS))

    @property
    def principles(self) -> pd.DataFrame:
        """A DataFrame of verdicts: factors and principles (index) by targets (columns)."""
        return verdict_table(targets_by_name(self.report))

    def heatmap(self, title: str, **before: Audit) -> Rendered:
        """Draw the verdicts on factors and principles, with earlier audits as first columns."""
        columns = {name: one for name, other in before.items() for one in other.report.targets}
        return heatmap(title, {**columns, **targets_by_name(self.report)})

    def __str__(self) -> str:
        return str(as_card(self.report))

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        """The card, and its text version."""
        return as_card(self.report)._repr_mimebundle_()


def audit(
    target: Any,
    *,
    only: str | Iterable[str] = (),
    backing: str | None = None,
    session: Session | None = None,
) -> Audit:
    """Audit an image, a container or ``compose:PROJECT``, as ``./workshop audit`` does. See `runner.run_audit`.

    ``target`` is a name, or a container or image object of the kit or of the docker SDK. ``only`` selects rules by one
    or several words. Without ``session`` the audit makes a temporary one.
    Raises WrongUsage for what names nothing, NotReady without an engine.
    """
    word = _word(target)
    words = [only] if isinstance(only, str) else only
    with nullcontext(session) if session else temporary_session(reach.connect()) as used:
        return Audit(run_audit(used, word, only=words, backing=backing, progress=NotebookReport()))


def _word(target: Any) -> str:
    """The word for `targets.resolve`."""
    if isinstance(target, str):
        return target
    identifier = getattr(target, "id", None)
    if not isinstance(identifier, str):
        sentence = f"{type(target).__name__} is neither a name nor a container nor an image."
        raise WrongUsage(sentence, "Give a name as docker images or docker ps shows it.")
    return f"{IMAGE if hasattr(target, 'tags') else CONTAINER}{identifier}"


def _row(one: TargetReport, finding: Finding) -> tuple[object, ...]:
    rule = finding.rule
    evidence = "; ".join(f"{each.ran}: {each.saw}" for each in finding.evidence)
    next_step = rule.next_step if finding.verdict is Verdict.FAILS else ""
    return (
        *(one.target, rule.guideline, rule.id, rule.title, str(rule.severity), " ".join(rule.serves), str(rule.method)),
        *(str(finding.verdict), finding.said, evidence, rule.why, next_step, round(finding.seconds, 2)),
    )


def verdict_table(audits: Mapping[str, TargetReport]) -> pd.DataFrame:
    """Make a DataFrame of the verdicts, as words: principles (index: id and name) by audits (columns).

    Principles that no applied rule serves are left out.
    """
    tested = {principle.id for audit in audits.values() for principle, _ in principles(audit)}
    rows = [one for one in catalog.principles() if one.id in tested]
    names = [f"{one.id} {one.name}" for one in rows]
    columns = {name: [str(audit.verdict_on(one.id)) for one in rows] for name, audit in audits.items()}
    return pd.DataFrame(columns, index=pd.Index(names, name="principle"), dtype="str")


def targets_by_name(report: Report) -> dict[str, TargetReport]:
    """The targets of a report by name; a second one of the same name gets a number."""
    found: dict[str, TargetReport] = {}
    for one in report.targets:
        number = sum(other.target == one.target for other in found.values())
        found[f"{one.target} {number + 1}" if number else one.target] = one
    return found


def heatmap(title: str, audits: Mapping[str, TargetReport]) -> Rendered:
    """Draw the verdict table: each verdict is a symbol on its color."""
    table = verdict_table(audits)
    figure, (axes,) = new_figure(title, 1.4 + ROW_INCHES * len(table))
    for column, name in enumerate(table.columns):
        for row, word in enumerate(table[name]):
            verdict = Verdict(word)
            axes.barh(row, 0.94, left=column - 0.47, height=0.86, color=FILL[verdict], edgecolor=EDGE, linewidth=0.6)
            axes.annotate(verdict.symbol, (column, row), ha="center", va="center", fontsize=9, color=INK)
    axes.set_yticks(range(len(table)), list(table.index))
    axes.set_xticks(range(len(table.columns)), list(table.columns))
    axes.xaxis.tick_top()
    axes.set_ylim(len(table) - 0.4, -0.6)
    axes.set_xlim(-0.55, max(len(table.columns), 3) - 0.45)
    axes.grid(visible=False)
    legend = "   ".join(f"{verdict.symbol} {verdict}" for verdict in Verdict)
    references = dict.fromkeys(one.reference for one in audits.values() if one.reference)
    notes = [f"{', '.join(name for name in audits if audits[name].reference == one)}: {one}" for one in references]
    wrapped = ["\n".join(wrap(note, NOTE_CHARACTERS)) for note in notes]
    figure.supxlabel("\n".join([legend, *wrapped]), fontsize=9, color=INK)
    return picture(figure, " ".join([f"Heat map: {title}.", _describe(table), *notes]))


def _describe(table: pd.DataFrame) -> str:
    """Describe the verdict table in sentences, as alt text."""
    sentences = []
    for name in table.columns:
        groups = [
            (verdict, [index.split()[0] for index in table.index[table[name] == str(verdict)]]) for verdict in Verdict
        ]
        parts = "; ".join(f"{verdict}: {', '.join(members)}" for verdict, members in groups if members)
        sentences.append(f"{name}: {parts}.")
    return " ".join(sentences)
