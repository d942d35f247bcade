"""``with fault("pause", stack, "redis"):`` injects a fault for as long as the block runs, and reverts it at its end.

The journal has a line of JSON for each active fault: written to disk before the fault is injected, removed once it is
reverted. A process that dies leaves its lines behind: the next start of a lesson, ``down`` or the reaper reverts those
faults. A second file has the newest reverted faults, which charts show as bands.
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
from workshop_kit.faults.active_fault import ActiveFault, snapshot
from workshop_kit.faults.catalog import find_fault
from workshop_kit.faults.handlers import HANDLERS, FaultContext
from workshop_kit.reporting import Report, Step, silent

PAST_KEPT = 200


@validated
class InjectedFault:
    """A fault that was injected, with its id in the journal; ``ended`` (UTC) is None while it is in force."""

    fault: str
    target: str
    parameters: dict[str, Any]
    started: datetime
    ended: datetime | None = None
    id: str = ""

    def __str__(self) -> str:
        details = "".join(f", {name} {value}" for name, value in self.parameters.items() if value is not None)
        until = f" until {self.ended:%H:%M:%S}" if self.ended else ""
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
        """Write the id of the proxy container that takes the target's place into the line of a fault."""
        entries = []
        for entry in self.entries():
            if entry.id == active.id:
                entries.append(entry.model_copy(update={"proxy": proxy}))
            else:
                entries.append(entry)
        self.write(entries)

    def remove(self, active: ActiveFault) -> None:
        """Move a reverted fault to the past ones, of which the newest are kept."""
        past_fault = InjectedFault(active.fault, active.name, active.parameters, active.since, datetime.now(UTC))
        past_faults = [*self.past(), past_fault]
        self._past.write(past_faults[-PAST_KEPT:])
        self.write(entry for entry in self.entries() if entry.id != active.id)


@contextlib.contextmanager
def fault(name: str, stack: Stack, service: str, /, **parameters: Any) -> Iterator[InjectedFault]:
    """Inject a fault until the end of the block: ``with fault("latency", stack, "redis", latency_ms=300):``.

    ``name`` and ``parameters`` are those of `catalog.FAULTS`. The fault is reverted when the block ends, also by an
    exception or an interrupt; if this process dies, by the next `revert_all`. Faults may nest.
    Raises WorkshopError for an unknown fault or parameter, for a service that does not run, and if the engine refuses.
    """
    all_parameters = find_fault(name).complete_parameters(parameters)
    journal = Journal(stack.session)
    identifier = secrets.token_hex(8)
    injected: InjectedFault | None = None

    try:
        with journal.locked():
            _inject(stack, service, journal, identifier, name, all_parameters)
        injected = InjectedFault(name, service, all_parameters, datetime.now(UTC), id=identifier)
        yield injected
    finally:
        _revert(stack.session, journal, identifier)
        if injected is not None:
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


def revert_all(session: Session, *, keep_in_use: bool = True, report: Report = silent) -> list[str]:
    """Revert the active faults of this workspace, newest first, then unpause what cells have paused without a fault.

    Clean-up calls it before it removes the faults' proxies. With ``keep_in_use`` the faults and pauses of other
    processes that still run stay in force. Return a sentence for each fault that cannot be reverted, which stays in the
    journal, and for each line that is no fault, which is removed. No WorkshopError is raised.
    """
    journal = Journal(session)
    try:
        problems = journal.remove_unreadable()
        if problems:
            report(Step("Faults", 1.0, " ".join(problems), done=True))
        active_faults = journal.entries()
    except WorkshopError as error:
        return [error.what]

    problems += _revert_newest_first(session, active_faults, keep_in_use=keep_in_use, report=report)
    try:
        for service in pauses.end_abandoned(session, keep_in_use=keep_in_use):
            pauses.report_unpaused(service, report)
    except WorkshopError as error:
        problems.append(error.what)

    return problems


def _is_of_living_process(active: ActiveFault, session: Session) -> bool:
    """Return whether another process than the session's has injected a fault, and still runs."""
    return active.maker != session.maker and is_alive(active.maker)


def _revert_newest_first(
    session: Session, active_faults: list[ActiveFault], *, keep_in_use: bool, report: Report
) -> list[str]:
    """Revert faults, given oldest first; report them, and return a sentence for each that cannot be reverted."""
    journal = Journal(session)
    problems = []
    descriptions = []
    for active in reversed(active_faults):
        if keep_in_use and _is_of_living_process(active, session):
            continue

        description = f"{active.fault} of {active.name}"
        report(Step("Faults", None, f"reverting {description}"))
        try:
            _revert(session, journal, active.id)
            descriptions.append(description)
        except WorkshopError as error:
            problems.append(error.what)

    if descriptions:
        report(Step("Faults", 1.0, f"reverted: {', '.join(descriptions)}", done=True))
    return problems


def _inject(
    stack: Stack, service: str, journal: Journal, identifier: str, name: str, parameters: dict[str, Any]
) -> None:
    """Write the fault to the journal, then inject it. The caller holds the journal's lock.

    Raises WorkshopError for a service that does not run, and if the engine refuses.
    """
    container = stack.container(service)
    state = container.attrs["State"]
    if not state["Running"]:
        raise WorkshopError(f"{service} is not running ({state['Status']}).", "Start it again first.")

    other_faults = _active_faults_on(journal, container.id)
    state_before = other_faults[0].before if other_faults else snapshot(container)
    active = ActiveFault(
        id=identifier,
        fault=name,
        parameters=parameters,
        container=container.id,
        name=service,
        before=state_before,
        maker=stack.session.maker,
        since=datetime.now(UTC),
    )

    journal.append(active)
    record_proxy = partial(journal.set_proxy, active)
    context = FaultContext(stack.session, container, active, other_faults, record_proxy)
    inject, _ = HANDLERS[find_fault(name).mechanism]
    try:
        inject(context)
    except APIError as error:
        raise WorkshopError(
            f"The engine refused the fault {name!r} on {service}: {engine_reason(error)}.",
            "Choose other parameters, or another target.",
        ) from error


def _revert(session: Session, journal: Journal, identifier: str) -> None:
    """Revert a fault and remove it from the journal; if it is not in the journal, do nothing."""
    with journal.locked():
        active = next((entry for entry in journal.entries() if entry.id == identifier), None)
        if active is None:
            return

        faults_on_target = _active_faults_on(journal, active.container)
        other_faults = tuple(entry for entry in faults_on_target if entry.id != identifier)
        _, revert = HANDLERS[find_fault(active.fault).mechanism]
        try:
            container = session.engine.client.containers.get(active.container)
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


def _active_faults_on(journal: Journal, container: str) -> tuple[ActiveFault, ...]:
    """Return the active faults of one container, oldest first."""
    return tuple(active for active in journal.entries() if active.container == container)
