"""Apply rules to a target: the one way in."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

from workshop_kit.audit import catalog
from workshop_kit.audit.data import Audited, Finding, Method, Report, Rule
from workshop_kit.audit.experiments import BUDGET_SECONDS, Runs
from workshop_kit.audit.rules import JUDGES
from workshop_kit.audit.subject import Subject
from workshop_kit.audit.targets import COMPOSE, Target, of_project, resolve
from workshop_kit.engine.session import Session
from workshop_kit.errors import WrongUsage
from workshop_kit.observe.layers import Member
from workshop_kit.observe.masking import Mask
from workshop_kit.progress import Report as Progress
from workshop_kit.progress import Step, silent

NOTHING_RUN = "looked at, nothing was run"
CLONED = "a clone was run, on a network that leads nowhere"


def examine(
    session: Session,
    word: str,
    *,
    only: Iterable[str] = (),
    backing: str | None = None,
    budget_seconds: float = BUDGET_SECONDS,
    progress: Progress = silent,
) -> Report:
    """Audit what a word names: an image, a container, ``compose:PROJECT``.

    ``only`` chooses rules (see `catalog.chosen`); ``backing`` (``compose:PROJECT``) names services of which clones run
    beside it. ``budget_seconds`` after the first clone of a target was started, no other is.
    Raises WrongUsage for words that name nothing; whatever else goes wrong is a finding that could not be told.
    """
    rules = catalog.chosen(only)
    targets = resolve(session.engine, word)
    beside = _backing(session, backing)
    read: dict[str, list[Member]] = {}

    def one(target: Target) -> Audited:
        own = target.container["Id"] if target.container else None
        others = [other for other in beside if other.container and other.container["Id"] != own]
        subject = Subject(session, target, Runs(session, target, others, budget_seconds), read)
        return _audited(subject, rules, progress)

    return Report(word, tuple(one(target) for target in targets))


def _backing(session: Session, word: str | None) -> Sequence[Target]:
    if word and not word.startswith(COMPOSE):
        raise WrongUsage(f"{word!r} names no compose project.", f"Write {COMPOSE}PROJECT.")
    return of_project(session.engine, word.removeprefix(COMPOSE)) if word else ()


def _audited(subject: Subject, rules: Sequence[Rule], progress: Progress) -> Audited:
    started, target = time.monotonic(), subject.target
    dynamic = [rule for rule in rules if rule.method is Method.DYNAMIC]
    with ThreadPoolExecutor(max(len(dynamic), 1)) as pool:
        try:
            findings = tuple(_findings(subject, rules, dynamic, pool, progress))
        finally:
            subject.runs.close()  # before the pool waits for its threads: an interrupt leaves them without a clone
    how, seconds = CLONED if dynamic else NOTHING_RUN, time.monotonic() - started
    return Audited(Mask()(target.name), target.kind, str(target.image["Id"]), how, findings, seconds)


def _findings(
    subject: Subject, rules: Sequence[Rule], dynamic: Sequence[Rule], pool: ThreadPoolExecutor, progress: Progress
) -> Iterator[Finding]:
    """Judge by all rules: by the dynamic ones in threads, since most of their time they wait for a clone."""
    waited_for = {rule.id: pool.submit(subject.judge, rule, JUDGES[rule.id]) for rule in dynamic}
    task = f"Audit of {Mask()(subject.target.name, 60)}"
    whole, done = sum(rule.cost_seconds for rule in rules) or 1.0, 0.0
    for rule in rules:
        progress(Step(task, done / whole, rule.title))
        found = waited_for[rule.id].result() if rule.id in waited_for else subject.judge(rule, JUDGES[rule.id])
        yield subject.masked(found)
        done += rule.cost_seconds
    progress(Step(task, 1.0, f"{len(rules)} rules", done=True))
