"""``with fault("pause", stack, "redis"):`` injects a fault for as long as the block runs, and reverts it at its end."""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from docker.errors import APIError, NotFound

from workshop_kit.engine.session import Session, is_alive
from workshop_kit.errors import WorkshopError
from workshop_kit.faults import catalog
from workshop_kit.faults.handlers import HANDLERS, FaultHandler, discard_proxy
from workshop_kit.faults.journal import ActiveFault, Journal
from workshop_kit.faults.targets import FaultContext, Where, name_of, refusal, snapshot, target
from workshop_kit.progress import Report, Step, silent


@dataclass
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


@dataclass
class UndoResult:
    """The faults that `undo_all` reverted; ``left`` has a sentence for each that it could not revert or read."""

    undone: list[ActiveFault] = field(default_factory=list)
    left: list[str] = field(default_factory=list)


@contextlib.contextmanager
def fault(name: str, where: Where, service: str | None = None, /, **parameters: Any) -> Iterator[InjectedFault]:
    """Inject a fault until the end of the block: ``with fault("latency", stack, "redis", latency_ms=300):``.

    ``name`` and ``parameters`` are those of `catalog.FAULTS`; ``where`` is the stack with the name of a ``service``,
    or a container that `engine.containers.run` returned. The fault is reverted at the end of the block, by an
    exception or an interrupt, and, if this process dies, by the next `undo_all`. Faults nest.
    Raises WorkshopError for an unknown fault or parameter, a target that this workspace did not make or that does not
    run, and for what the engine refuses.
    """
    complete = catalog.named(name).complete(parameters)
    journal, identifier = Journal(where.session), secrets.token_hex(8)
    try:
        with journal.locked():
            active = _inject(journal, identifier, name, complete, where, service)
        injected = InjectedFault(name, active.name, complete, datetime.now(UTC), id=identifier)
        yield injected
    except BaseException as problem:
        try:
            _revert(where.session, journal, identifier)
        except WorkshopError as left:
            problem.add_note(str(left))  # the block's own problem comes first, and may be the reason for this one
        raise
    _revert(where.session, journal, identifier)
    injected.ended = datetime.now(UTC)


def history(session: Session) -> list[InjectedFault]:
    """Return the faults of this workspace, from all processes: the newest that are over, then the active ones.

    Times are the journal's: from shortly before the injection to shortly after the revert.
    """
    journal = Journal(session)
    past = [InjectedFault(one.fault, one.name, one.parameters, one.since, one.until) for one in journal.past()]
    return past + [InjectedFault(one.fault, one.name, one.parameters, one.since) for one in journal.entries()]


def undo_all(session: Session, *, spare_the_living: bool = True, report: Report = silent) -> UndoResult:
    """Revert the active faults of this workspace, newest first. To be called before clean-up removes their proxies.

    ``spare_the_living`` leaves the faults of other processes that still run. A fault that cannot be reverted stays in
    the journal; a line that is no fault is reported and removed. Nothing in the journal raises.
    """
    journal, result = Journal(session), UndoResult()
    try:
        active_faults, problems = journal.read()
        if problems:
            report(Step("Faults", 1.0, " ".join(problems), done=True))
            result.left += problems
            journal.remove_unreadable()
    except WorkshopError as error:
        result.left.append(error.what)
        return result
    for active in reversed(active_faults):
        if spare_the_living and active.maker != session.maker and is_alive(active.maker):
            continue
        report(Step("Faults", None, f"undoing {active.fault} of {active.name}"))
        try:
            _revert(session, journal, active.id)
            result.undone.append(active)
        except WorkshopError as error:
            result.left.append(error.what)
    return result


def _inject(
    journal: Journal, identifier: str, name: str, parameters: dict[str, Any], where: Where, service: str | None
) -> ActiveFault:
    """Write the fault to the journal, then inject it."""
    container = target(where, service)
    others = _on(journal, container.id)
    active = ActiveFault(
        id=identifier,
        fault=name,
        parameters=parameters,
        container=container.id,
        name=name_of(container),
        before=others[0].before if others else snapshot(container),
        maker=where.session.maker,
        since=datetime.now(UTC),
    )
    journal.add(active)
    try:
        _handler(active).inject(FaultContext(where.session, journal, container, active, others))
    except APIError as error:
        raise WorkshopError(
            f"The fault {name!r} could not be put in force on {active.name}: {refusal(error)}.",
            "Look at what docker inspect says of it, then run the cell again.",
        ) from error
    return active


def _revert(session: Session, journal: Journal, identifier: str) -> None:
    """Revert a fault and remove it from the journal, unless it is not there (any more)."""
    with journal.locked():
        active = next((one for one in journal.entries() if one.id == identifier), None)
        if active is None:
            return
        try:
            _revert_target(session, journal, active)
        except APIError as error:
            raise WorkshopError(
                f"The fault {active.fault!r} on {active.name} could not be undone: {refusal(error)}.",
                "Run ./workshop down, then start again.",
            ) from error
        journal.remove(active)


def _revert_target(session: Session, journal: Journal, active: ActiveFault) -> None:
    others = tuple(one for one in _on(journal, active.container) if one.id != active.id)
    try:
        container = session.engine.client.containers.get(active.container)
        _handler(active).revert(FaultContext(session, journal, container, active, others))
    except NotFound:
        discard_proxy(session, active)  # the target is gone


def _on(journal: Journal, container: str) -> tuple[ActiveFault, ...]:
    """The active faults of one container, oldest first."""
    return tuple(one for one in journal.entries() if one.container == container)


def _handler(active: ActiveFault) -> FaultHandler:
    return HANDLERS[catalog.named(active.fault).mechanism]
