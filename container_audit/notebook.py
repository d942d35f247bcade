"""``audit(...)`` in a notebook: progress, a card, tables, and a heat map of the verdicts."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from itertools import product
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap

from container_audit.findings import AuditReport, RuleFinding, RuleVerdict, TargetReport
from container_audit.report import as_card, as_markdown, json_of_finding, principles
from container_audit.runner import run_audit
from container_audit.targets import CONTAINER, IMAGE
from workshop_kit.display.charts import INK, PAPER, new_figure, picture
from workshop_kit.display.live import NotebookReport
from workshop_kit.display.rendered import Rendered
from workshop_kit.engine import reach
from workshop_kit.engine.reaper import temporary_session
from workshop_kit.engine.session import Session
from workshop_kit.errors import WrongUsage
from workshop_kit.observe.masking import Mask

FILL = {
    RuleVerdict.HOLDS: "#b7e0c6",
    RuleVerdict.FAILS: "#f2b3a6",
    RuleVerdict.CANNOT_TELL: "#e6e6e6",
    RuleVerdict.NOT_APPLICABLE: PAPER,
}
EDGE = "#8c959f"
ROW_INCHES = 0.27


@dataclass(frozen=True)
class Audit:
    """An audit's report in a notebook: its display is a card."""

    report: AuditReport

    @property
    def data(self) -> pd.DataFrame:
        """A DataFrame with a row for each rule and target; the columns are the fields of ``--json``."""
        rows: list[dict[str, object]] = []
        for target_report in self.report.targets:
            rows += [_data_row(target_report, finding) for finding in target_report.findings]
        return pd.DataFrame(rows)

    def heatmap(self, title: str, **earlier_audits: Audit) -> Rendered:
        """Draw the verdicts on factors and principles: a column for each target, those of earlier audits first.

        The keyword names the column of an earlier audit; if that has several targets, theirs follow the keyword.
        """
        columns: dict[str, TargetReport] = {}
        for audit_name, earlier_audit in earlier_audits.items():
            earlier_targets = earlier_audit.report.targets
            for target_report in earlier_targets:
                name = audit_name if len(earlier_targets) == 1 else f"{audit_name} {target_report.target}"
                columns[_unused_name(name, columns)] = target_report

        for target_report in self.report.targets:
            columns[_unused_name(target_report.target, columns)] = target_report

        return heatmap(title, columns)

    def markdown(self, mask: Mask) -> str:
        """Return the findings as a part of a Markdown page, with secrets masked."""
        return as_markdown(self.report, mask)

    def __str__(self) -> str:
        return str(as_card(self.report))

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        """Return the card, and its text version."""
        return as_card(self.report)._repr_mimebundle_()


def audit(target: Any, *, only: str | Iterable[str] = (), session: Session | None = None) -> Audit:
    """Audit an image, a container or ``compose:PROJECT``, as ``./workshop audit`` does. See `runner.run_audit`.

    ``target`` is a name, or a container or image object of the kit or of the docker SDK. ``only`` selects rules by one
    or several words. Without ``session`` the audit makes a temporary one.
    Raises WrongUsage for what names nothing, NotReady without an engine.
    """
    name = _name_of(target)
    words = [only] if isinstance(only, str) else only

    session_block = nullcontext(session) if session else temporary_session(reach.connect())
    with session_block as audit_session:
        report = run_audit(audit_session, name, only=words, progress=NotebookReport())
        return Audit(report)


def _name_of(target: Any) -> str:
    """Return the name by which `targets.resolve` finds a target. Raises WrongUsage for an object of another kind."""
    if isinstance(target, str):
        return target

    identifier = getattr(target, "id", None)
    if not isinstance(identifier, str):
        sentence = f"{type(target).__name__} is neither a name nor a container nor an image."
        raise WrongUsage(sentence, "Give a name as docker images or docker ps shows it.")

    prefix = IMAGE if hasattr(target, "tags") else CONTAINER
    return f"{prefix}{identifier}"


def _unused_name(name: str, used_names: Collection[str]) -> str:
    """Return the name; if it is used already, with the first number from 2 on that makes it new."""
    unused_name = name
    number = 1
    while unused_name in used_names:
        number += 1
        unused_name = f"{name} {number}"

    return unused_name


def _data_row(target_report: TargetReport, finding: RuleFinding) -> dict[str, object]:
    """Return a finding by the names of its columns: the fields of ``--json``, with text in place of lists."""
    row: dict[str, object] = {"target": target_report.target, **json_of_finding(finding)}
    row["serves"] = " ".join(finding.rule.serves)
    row["verdict"] = str(finding.verdict)
    row["evidence"] = "; ".join(f"{item.action}: {item.observation}" for item in finding.evidence)
    return row


def verdict_table(audits: Mapping[str, TargetReport]) -> pd.DataFrame:
    """Return a DataFrame of the verdicts as words: a row for each principle (its id and name), a column for each audit.

    A principle that is missing in an audit cannot be told there.
    """
    columns = {}
    for name, target_report in audits.items():
        verdicts = principles(target_report)
        columns[name] = {f"{principle.id} {principle.name}": str(verdict) for principle, verdict in verdicts}
    return pd.DataFrame(columns, dtype="str").fillna(str(RuleVerdict.CANNOT_TELL))


def heatmap(title: str, audits: Mapping[str, TargetReport]) -> Rendered:
    """Draw the verdict table: each verdict is a symbol on its color."""
    table = verdict_table(audits)
    figure, axes = new_figure(title, 1.4 + ROW_INCHES * len(table))
    _draw_cells(axes, table)
    _label_axes(axes, table)

    legend = "   ".join(f"{verdict.symbol} {verdict}" for verdict in RuleVerdict)
    figure.supxlabel(legend, fontsize=9, color=INK)
    return picture(figure, f"Heat map: {title}. {_describe_table(table)}")


def _draw_cells(axes: Axes, table: pd.DataFrame) -> None:
    """Draw a colored square with the verdict's symbol for each cell of the verdict table."""
    color_numbers = table.map(_color_number)
    colors = ListedColormap(list(FILL.values()))
    axes.pcolormesh(color_numbers, cmap=colors, vmin=0, vmax=len(FILL) - 1, edgecolors=EDGE, linewidth=0.6)

    row_count, column_count = table.shape
    for row, column in product(range(row_count), range(column_count)):
        symbol = RuleVerdict(table.iat[row, column]).symbol
        center = (column + 0.5, row + 0.5)
        axes.annotate(symbol, center, ha="center", va="center", fontsize=9, color=INK)


def _label_axes(axes: Axes, table: pd.DataFrame) -> None:
    """Write the principles on the left and the audits on top, the first principle uppermost."""
    row_count, column_count = table.shape
    axes.set_yticks([row + 0.5 for row in range(row_count)], list(table.index))
    axes.set_xticks([column + 0.5 for column in range(column_count)], list(table.columns))
    axes.xaxis.tick_top()
    axes.invert_yaxis()

    axes.set_xlim(0, max(column_count, 3))
    axes.grid(visible=False)
    axes.spines[:].set_visible(False)


def _color_number(word: str) -> int:
    """Return the position of a verdict's color among the colors."""
    return list(FILL).index(RuleVerdict(word))


def _describe_table(table: pd.DataFrame) -> str:
    """Return the alternative text of a heat map: a sentence for each audit, with the principles by verdict."""
    sentences: list[str] = []
    for name, verdicts in table.items():
        parts: list[str] = []
        for verdict in RuleVerdict:
            identifiers = [index.split()[0] for index in verdicts.index[verdicts == verdict]]
            if identifiers:
                parts.append(f"{verdict}: {', '.join(identifiers)}")
        sentences.append(f"{name}: {'; '.join(parts)}.")
    return " ".join(sentences)
