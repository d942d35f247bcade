"""Audit many images and count: what was found of what is there (recall), and what is there of what was found."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from workshop_kit.audit.data import Verdict
from workshop_kit.audit.examine import examine
from workshop_kit.engine.session import Session

AT_A_TIME = 2
PATIENCE_SECONDS = 300  # the machine may be busy with other tests


@dataclass(frozen=True)
class Looked:
    """One image or container: the rule that should find something, and those that did."""

    name: str
    expected: frozenset[str]
    found: frozenset[str]


def look(session: Session, name: str, word: str, expected: Iterable[str], only: Sequence[str] = ()) -> Looked:
    """Audit one."""
    (audited,) = examine(session, word, only=only, budget_seconds=PATIENCE_SECONDS).audited
    found = frozenset(finding.rule.id for finding in audited.of(Verdict.FAILS))
    return Looked(name, frozenset(expected), found)


def look_at_all(jobs: Sequence[Callable[[], Looked]]) -> list[Looked]:
    """Do them two at a time, in order."""
    with ThreadPoolExecutor(AT_A_TIME) as pool:
        return list(pool.map(lambda job: job(), jobs))


def wrong(looked: Iterable[Looked]) -> dict[str, tuple[list[str], list[str]]]:
    """Where more or less was found than there is: name → expected, found."""
    return {one.name: (sorted(one.expected), sorted(one.found)) for one in looked if one.expected != one.found}


def summary(looked: Sequence[Looked]) -> str:
    """Precision and recall in a sentence."""
    hits = sum(len(one.expected & one.found) for one in looked)
    found = sum(len(one.found) for one in looked)
    there = sum(len(one.expected) for one in looked)
    return f"{len(looked)} looked at: precision {hits}/{found}, recall {hits}/{there}"
