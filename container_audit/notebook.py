"""``audit(...)`` in a notebook: progress, a card, and a table."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import pandas as pd

from container_audit.findings import AuditReport, RuleFinding, TargetReport
from container_audit.report import as_card, json_of_finding
from container_audit.runner import run_audit
from container_audit.targets import CONTAINER, IMAGE
from workshop_kit.display.live import NotebookReport
from workshop_kit.engine import reach
from workshop_kit.engine.reaper import temporary_session
from workshop_kit.errors import WrongUsage


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

    def __str__(self) -> str:
        return str(as_card(self.report))

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        """Return the card, and its text version."""
        return as_card(self.report)._repr_mimebundle_()


def audit(target: Any, *, only: str | Iterable[str] = ()) -> Audit:
    """Audit an image, a container or ``compose:PROJECT``, as ``./workshop audit`` does. See `runner.run_audit`.

    ``target`` is a name, or a container or image object of the kit or of the docker SDK. ``only`` selects rules by one
    or several words.
    Raises WrongUsage for what names nothing, NotReady without an engine.
    """
    name = _name_of(target)
    words = [only] if isinstance(only, str) else only

    with temporary_session(reach.connect()) as session:
        return Audit(run_audit(session, name, only=words, progress=NotebookReport()))


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


def _data_row(target_report: TargetReport, finding: RuleFinding) -> dict[str, object]:
    """Return a finding by the names of its columns: the fields of ``--json``, with text in place of lists."""
    row: dict[str, object] = {"target": target_report.target, **json_of_finding(finding)}
    row["serves"] = " ".join(finding.rule.serves)
    row["verdict"] = str(finding.verdict)
    row["evidence"] = "; ".join(f"{item.action}: {item.observation}" for item in finding.evidence)
    return row
