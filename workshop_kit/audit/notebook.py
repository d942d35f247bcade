"""``audit(...)`` in a notebook: progress while it runs, a card below the cell, and the same as tables."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

import pandas as pd

from workshop_kit.audit.data import Audited, Finding, Report, Verdict
from workshop_kit.audit.examine import examine
from workshop_kit.audit.report.card import as_card
from workshop_kit.audit.report.words import principles
from workshop_kit.audit.session import temporary_session
from workshop_kit.audit.targets import CONTAINER, IMAGE
from workshop_kit.engine import reach
from workshop_kit.engine.session import Session
from workshop_kit.errors import WrongUsage
from workshop_kit.show.working import NotebookReport

COLUMNS = (
    *("target", "guideline", "rule", "title", "serves", "method"),
    *("verdict", "said", "evidence", "why", "next_step", "seconds"),
)


@dataclass(frozen=True)
class Audit:
    """A report as a notebook shows it; ``report`` is the data that it is made from."""

    report: Report

    @property
    def audited(self) -> Audited:
        """What was found about the one image or container. Raises WrongUsage for a project of several."""
        if len(self.report.audited) != 1:
            names = ", ".join(one.target for one in self.report.audited)
            raise WrongUsage(f"{self.report.asked} has several containers: {names}.", "Use report.audited.")
        return self.report.audited[0]

    @property
    def data(self) -> pd.DataFrame:
        """A row for each rule and target: what it serves, verdict, evidence, why it matters, what to do next."""
        rows = [_row(one, finding) for one in self.report.audited for finding in one.findings]
        return pd.DataFrame(rows, columns=pd.Index(COLUMNS))

    @property
    def principles(self) -> pd.DataFrame:
        """A row for each factor or principle and target: the verdict on it, and what no look from outside tells."""
        rows = [
            (one.target, principle.id, principle.name, str(verdict), principle.unseen)
            for one in self.report.audited
            for principle, verdict in principles(one)
        ]
        return pd.DataFrame(rows, columns=pd.Index(["target", "id", "name", "verdict", "unseen"]))

    def __str__(self) -> str:
        return str(as_card(self.report))

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        """The card, and the same as text."""
        return as_card(self.report)._repr_mimebundle_()


def audit(
    target: Any,
    *,
    only: str | Iterable[str] = (),
    live: bool = False,
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
        return Audit(examine(used, word, only=words, live=live, backing=backing, progress=NotebookReport()))


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
        *(one.target, rule.guideline, rule.id, rule.title, " ".join(rule.serves), str(rule.method)),
        *(str(finding.verdict), finding.said, evidence, rule.why, next_step, round(finding.seconds, 2)),
    )
