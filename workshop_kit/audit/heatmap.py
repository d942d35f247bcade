"""Audits side by side as a table of verdicts and as a picture: a row for each principle, a column for each audit."""

from __future__ import annotations

from collections.abc import Mapping
from textwrap import wrap

import pandas as pd

from workshop_kit.audit import catalog
from workshop_kit.audit.data import Audited, Report, Verdict
from workshop_kit.audit.report.words import principles
from workshop_kit.display.charts import INK, PAPER, new_figure, picture
from workshop_kit.display.rendered import Rendered

FILL = {
    Verdict.HOLDS: "#b7e0c6",
    Verdict.FAILS: "#f2b3a6",
    Verdict.CANNOT_TELL: "#e6e6e6",
    Verdict.NOT_APPLICABLE: PAPER,
}
EDGE = "#8c959f"
ROW_INCHES = 0.27
NOTE_CHARACTERS = 110


def verdicts(audits: Mapping[str, Audited]) -> pd.DataFrame:
    """The verdict on each principle (index: its id and name) in each audit (columns, in the order given), as words.

    Where only some rules were asked for, the principles that none of them serves are left out.
    """
    told = {principle.id for audit in audits.values() for principle, _ in principles(audit)}
    looked_at = [one for one in catalog.principles() if one.id in told]
    names = [f"{one.id} {one.name}" for one in looked_at]
    columns = {name: [str(audit.verdict_on(one.id)) for one in looked_at] for name, audit in audits.items()}
    return pd.DataFrame(columns, index=pd.Index(names, name="principle"), dtype="str")


def named(report: Report) -> dict[str, Audited]:
    """What a report is about, by its name; a second one of that name is told by a number."""
    found: dict[str, Audited] = {}
    for one in report.audited:
        number = sum(other.target == one.target for other in found.values())
        found[f"{one.target} {number + 1}" if number else one.target] = one
    return found


def heatmap(title: str, audits: Mapping[str, Audited]) -> Rendered:
    """The same as a picture, each verdict as a symbol on its color."""
    table = verdicts(audits)
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
    said = dict.fromkeys(one.reference for one in audits.values() if one.reference)
    notes = [f"{', '.join(name for name, one in audits.items() if one.reference == note)}: {note}" for note in said]
    wrapped = ["\n".join(wrap(note, NOTE_CHARACTERS)) for note in notes]
    figure.supxlabel("\n".join([legend, *wrapped]), fontsize=9, color=INK)
    return picture(figure, " ".join([f"Heat map: {title}.", _said(table), *notes]))


def _said(table: pd.DataFrame) -> str:
    """All of it in sentences."""
    sentences = []
    for name in table.columns:
        groups = [
            (verdict, [index.split()[0] for index in table.index[table[name] == str(verdict)]]) for verdict in Verdict
        ]
        told = "; ".join(f"{verdict}: {', '.join(members)}" for verdict, members in groups if members)
        sentences.append(f"{name}: {told}.")
    return " ".join(sentences)
