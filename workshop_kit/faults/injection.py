"""``with fault("pause", stack, "redis"):`` injects a fault for as long as the block runs, and reverts it at its end.

The journal has a line of JSON for each active fault, on disk before it is injected, removed once reverted. A process
that dies leaves its lines behind: the next lesson's start, ``down`` or the reaper reverts those faults. The newest
reverted faults stand in a second file, for the bands of charts.
"""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import partial
from typing import Any

from docker.errors import APIError, NotFound
from pydantic.dataclasses import dataclass as validated

from workshop_kit.engine import containers, pauses
from workshop_kit.engine.reach import engine_reason
from workshop_kit.engine.records import RecordFile
from workshop_kit.engine.session import Session, is_alive
from workshop_kit.engine.stack import Stack
from workshop_kit.errors import WorkshopError
from workshop_kit.faults.catalog import ActiveFault, named, snapshot
from workshop_kit.faults.handlers import HANDLERS, FaultContext
from workshop_kit.reporting import Report, Step, silent

PAST_KEPT = 200


@validated
class InjectedFault:
    """A fault as it happened, with its id in the journal; ``ended`` (UTC) is None while it is in force."""

    fault: str
    target: str
    parameters: dict[str, Any]
    started: datetime
    ended: datetime | None = None
    id: str = ""

    def __str__(self) -> str:
        until = f" until {self.ended:%H:%M:%S}" if self.ended else ""
        details = "".join(f", {name} {value}" for name, value in self.parameters.items() if value is not None)
        return f"{self.fault} of {self.target}{details}, from {self.started:%H:%M:%S}{until} UTC"


class Journal(RecordFile[ActiveFault]):
    """The active faults of one workspace, in a file beside its ledger; the newest past ones in a second file."""

    def __init__(self, session: Session) -> None:
        super().__init__(session.ledger.path.with_name("faults.jsonl"), ActiveFault, "fault")
        self._past = RecordFile(self.path.with_name("faults-past.jsonl"), InjectedFault, "fault")

    def entries(self) -> list[ActiveFault]:
        """Return the active faults, oldest first."""
        return self.read()[0]

    def past(self) -> list[InjectedFault]:
        """Return the newest faults that are over, by their end, oldest first."""
        return self._past.read()[0]

    def set_proxy(self, active: ActiveFault, proxy: str) -> None:
        """Write down which container takes the target's place."""
        entries = []
        for entry in self.entries():
            is_changed = entry.id == active.id
            entries.append(entry.model_copy(update={"proxy": proxy}) if is_changed else entry)
        self.write(entries)

    def remove(self, active: ActiveFault) -> None:
        """Move a reverted fault to the past ones."""
        past_fault = InjectedFault(active.fault, active.name, active.parameters, active.since, datetime.now(UTC))
        self._past.write([*self.past(), past_fault][-PAST_KEPT:])
        self.write(entry for entry in self.entries() if entry.id != active.id)


@contextlib.contextmanager
def fault(name: str, stack: Stack, service: str, /, **parameters: Any) -> Iterator[InjectedFault]:
    """Inject a fault until the end of the block: ``with fault("latency", stack, "redis", latency_ms=300):``.

    ``name`` and ``parameters`` are those of `catalog.FAULTS`. The fault is reverted at the end of the block, by an
    exception or an interrupt, and, if this process dies, by the next `revert_all`. Faults nest.
    Raises WorkshopError for an unknown fault or parameter, a service that does not run, and for what the engine
    refuses.
    """
    all_parameters = named(name).complete(parameters)
    journal = Journal(stack.session)
    identifier = secrets.token_hex(8)

    try:
        with journal.locked():
            _inject(stack, service, journal, identifier, name, all_parameters)
        injected = InjectedFault(name, service, all_parameters, datetime.now(UTC), id=identifier)
        yield injected
    finally:
        _revert(stack.session, journal, identifier)
    injected.ended = datetime.now(UTC)


def history(session: Session) -> list[InjectedFault]:
    """Return the faults of this workspace, from all processes: the newest that are over, then the active ones.

    Times are the journal's: from shortly before the injection to shortly after the revert.
    """
    journal = Journal(session)
    active_faults = []
    for active in journal.entries():
        active_faults.append(InjectedFault(active.fault, active.name, active.parameters, active.since))
    return journal.past() + active_faults


def revert_all(session: Session, *, spare_the_living: bool = True, report: Report = silent) -> list[str]:
    """Revert the active faults of this workspace, newest first; return a sentence for each that is left or unreadable.

    To be called before clean-up removes their proxies. What a cell has paused without a fault goes on, too.

    ``spare_the_living`` leaves the faults of other processes that still run. A fault that cannot be reverted stays in
    the journal; a line that is no fault is reported and removed. Nothing in the journal raises.
    """
    journal = Journal(session)
    try:
        problems = journal.remove_unreadable()
        if problems:
            report(Step("Faults", 1.0, " ".join(problems), done=True))
        active_faults = journal.entries()
    except WorkshopError as error:
        return [error.what]

    reverted_faults: list[str] = []
    for active in reversed(active_faults):
        if spare_the_living and active.maker != session.maker and is_alive(active.maker):
            continue

        description = f"{active.fault} of {active.name}"
        report(Step("Faults", None, f"reverting {description}"))
        try:
            _revert(session, journal, active.id)
            reverted_faults.append(description)
        except WorkshopError as error:
            problems.append(error.what)
    if reverted_faults:
        report(Step("Faults", 1.0, f"reverted: {', '.join(reverted_faults)}", done=True))

    try:
        for service in pauses.end_abandoned(session, spare_the_living=spare_the_living):
            pauses.tell(service, report)
    except WorkshopError as error:
        problems.append(error.what)

    return problems


def _inject(
    stack: Stack, service: str, journal: Journal, identifier: str, name: str, parameters: dict[str, Any]
) -> None:
    """Write the fault to the journal, then inject it."""
    container = stack.container(service)
    state = container.attrs["State"]
    if not state["Running"]:
        raise WorkshopError(f"{service} is not running ({state['Status']}).", "Start it again first.")

    other_faults = _faults_on(journal, container.id)
    active = ActiveFault(
        id=identifier,
        fault=name,
        parameters=parameters,
        container=container.id,
        name=service,
        before=other_faults[0].before if other_faults else snapshot(container),
        maker=stack.session.maker,
        since=datetime.now(UTC),
    )

    journal.append(active)
    try:
        record_proxy = partial(journal.set_proxy, active)
        inject, _ = HANDLERS[named(name).mechanism]
        inject(FaultContext(stack.session, container, active, other_faults, record_proxy))
    except APIError as error:
        raise WorkshopError(
            f"The engine refused the fault {name!r} on {service}: {engine_reason(error)}.",
            "Choose other parameters, or another target.",
        ) from error


def _revert(session: Session, journal: Journal, identifier: str) -> None:
    """Revert a fault and remove it from the journal, unless it is not there (any more)."""
    with journal.locked():
        active = next((entry for entry in journal.entries() if entry.id == identifier), None)
        if active is None:
            return

        faults = _faults_on(journal, active.container)
        other_faults = tuple(entry for entry in faults if entry.id != identifier)
        try:
            container = session.engine.client.containers.get(active.container)
            _, revert = HANDLERS[named(active.fault).mechanism]
            revert(FaultContext(session, container, active, other_faults))
        except NotFound:  # the target is gone
            if active.proxy:
                containers.remove(session, active.proxy)
        except APIError as error:
            raise WorkshopError(
                f"The fault {active.fault!r} on {active.name} could not be reverted: {engine_reason(error)}.",
                "Run ./workshop down, then start again.",
            ) from error
        journal.remove(active)


def _faults_on(journal: Journal, container: str) -> tuple[ActiveFault, ...]:
    """Return the active faults of one container, oldest first."""
    return tuple(active for active in journal.entries() if active.container == container)
