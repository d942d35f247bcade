"""``audit(...)`` in a notebook: progress while it runs, a card below the cell, and the same as tables."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

import pandas as pd

from workshop_kit.audit.data import Audited, Finding, Report, Verdict
from workshop_kit.audit.examine import examine
from workshop_kit.audit.heatmap import heatmap, named, verdicts
from workshop_kit.audit.report import as_card
from workshop_kit.audit.targets import CONTAINER, IMAGE
from workshop_kit.display.notebook_progress import NotebookReport
from workshop_kit.display.rendered import Shown
from workshop_kit.engine import reach
from workshop_kit.engine.reaper import temporary_session
from workshop_kit.engine.session import Session
from workshop_kit.errors import WrongUsage

COLUMNS = (
    *("target", "guideline", "rule", "title", "severity", "serves", "method"),
    *("verdict", "said", "evidence", "why", "next_step", "seconds"),
)


@dataclass(frozen=True)
class Audit:
    """A report as a notebook shows it; ``report`` is the data that it is made from."""

    report: Report

    @property
    def data(self) -> pd.DataFrame:
        """A row for each rule and target: what it serves, verdict, evidence, why it matters, what to do next."""
        rows = [_row(one, finding) for one in self.report.audited for finding in one.findings]
        return pd.DataFrame(rows, columns=pd.Index(COLUMNS))

    @property
    def principles(self) -> pd.DataFrame:
        """The verdict on each factor and principle (index) of each target (columns)."""
        return verdicts(named(self.report))

    def heatmap(self, title: str, **before: Audit) -> Shown:
        """The verdicts on factors and principles as a picture, beside those of audits before."""
        columns = {name: one for name, other in before.items() for one in other.report.audited}
        return heatmap(title, {**columns, **named(self.report)})

    def __str__(self) -> str:
        return str(as_card(self.report))

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        """The card, and the same as text."""
        return as_card(self.report)._repr_mimebundle_()


def audit(
    target: Any,
    *,
    only: str | Iterable[str] = (),
    backing: str | None = None,
    session: Session | None = None,
) -> Audit:
    """Audit an image, a container or ``compose:PROJECT``, as ``./workshop audit`` does. See `examine.examine`.

    ``target`` is a name, or a container or image in your hands (the kit's, or the docker SDK's). ``only`` chooses
    rules: one word or several. Without a ``session`` of the workshop's, the audit has one of its own.
    Raises WrongUsage for what names nothing, NotReady without an engine.
    """
    word = _word(target)
    words = [only] if isinstance(only, str) else only
    with nullcontext(session) if session else temporary_session(reach.connect()) as used:
        return Audit(examine(used, word, only=words, backing=backing, progress=NotebookReport()))


def _word(target: Any) -> str:
    """The word that names a target to `targets.resolve`."""
    if isinstance(target, str):
        return target
    identifier = getattr(target, "id", None)
    if not isinstance(identifier, str):
        sentence = f"{type(target).__name__} is neither a name nor a container nor an image."
        raise WrongUsage(sentence, "Give a name as docker images or docker ps shows it.")
    return f"{IMAGE if hasattr(target, 'tags') else CONTAINER}{identifier}"


def _row(one: Audited, finding: Finding) -> tuple[object, ...]:
    rule = finding.rule
    evidence = "; ".join(f"{each.ran}: {each.saw}" for each in finding.evidence)
    next_step = rule.next_step if finding.verdict is Verdict.FAILS else ""
    return (
        *(one.target, rule.guideline, rule.id, rule.title, str(rule.severity), " ".join(rule.serves), str(rule.method)),
        *(str(finding.verdict), finding.said, evidence, rule.why, next_step, round(finding.seconds, 2)),
    )
