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
from workshop_kit.engine.stack import Stack
from workshop_kit.errors import WorkshopError
from workshop_kit.faults import catalog
from workshop_kit.faults.handlers import HANDLERS, FaultContext, FaultHandler, discard_proxy, engine_reason
from workshop_kit.faults.journal import ActiveFault, InjectedFault, Journal, snapshot
from workshop_kit.progress import Report, Step, silent


@dataclass
class RevertResult:
    """The faults that `revert_all` reverted; ``left`` has a sentence for each that it could not revert or read."""

    reverted: list[ActiveFault] = field(default_factory=list)
    left: list[str] = field(default_factory=list)


@contextlib.contextmanager
def fault(name: str, stack: Stack, service: str, /, **parameters: Any) -> Iterator[InjectedFault]:
    """Inject a fault until the end of the block: ``with fault("latency", stack, "redis", latency_ms=300):``.

    ``name`` and ``parameters`` are those of `catalog.FAULTS`. The fault is reverted at the end of the block, by an
    exception or an interrupt, and, if this process dies, by the next `revert_all`. Faults nest.
    Raises WorkshopError for an unknown fault or parameter, a service that does not run, and for what the engine
    refuses.
    """
    complete = catalog.named(name).complete(parameters)
    journal, identifier = Journal(stack.session), secrets.token_hex(8)
    try:
        with journal.locked():
            _inject(stack, service, journal, identifier, name, complete)
        injected = InjectedFault(name, service, complete, datetime.now(UTC), id=identifier)
        yield injected
    except BaseException as problem:
        try:
            _revert(stack.session, journal, identifier)
        except WorkshopError as left:
            problem.add_note(str(left))  # the block's own problem comes first, and may be the reason for this one
        raise
    _revert(stack.session, journal, identifier)
    injected.ended = datetime.now(UTC)


def history(session: Session) -> list[InjectedFault]:
    """Return the faults of this workspace, from all processes: the newest that are over, then the active ones.

    Times are the journal's: from shortly before the injection to shortly after the revert.
    """
    journal = Journal(session)
    active = [InjectedFault(one.fault, one.name, one.parameters, one.since) for one in journal.entries()]
    return journal.past() + active


def revert_all(session: Session, *, spare_the_living: bool = True, report: Report = silent) -> RevertResult:
    """Revert the active faults of this workspace, newest first. To be called before clean-up removes their proxies.

    ``spare_the_living`` leaves the faults of other processes that still run. A fault that cannot be reverted stays in
    the journal; a line that is no fault is reported and removed. Nothing in the journal raises.
    """
    journal, result = Journal(session), RevertResult()
    try:
        if problems := journal.remove_unreadable():
            report(Step("Faults", 1.0, " ".join(problems), done=True))
            result.left += problems
        active_faults = journal.entries()
    except WorkshopError as error:
        result.left.append(error.what)
        return result
    for active in reversed(active_faults):
        if spare_the_living and active.maker != session.maker and is_alive(active.maker):
            continue
        report(Step("Faults", None, f"reverting {active.fault} of {active.name}"))
        try:
            _revert(session, journal, active.id)
            result.reverted.append(active)
        except WorkshopError as error:
            result.left.append(error.what)
    return result


def _inject(
    stack: Stack, service: str, journal: Journal, identifier: str, name: str, parameters: dict[str, Any]
) -> None:
    """Write the fault to the journal, then inject it."""
    container = stack.container(service)
    state = container.attrs["State"]
    if not state["Running"]:
        raise WorkshopError(f"{service} is not running ({state['Status']}).", "Start it again first.")
    others = _on(journal, container.id)
    active = ActiveFault(
        id=identifier,
        fault=name,
        parameters=parameters,
        container=container.id,
        name=service,
        before=others[0].before if others else snapshot(container),
        maker=stack.session.maker,
        since=datetime.now(UTC),
    )
    journal.append(active)
    try:
        _handler(active).inject(FaultContext(stack.session, journal, container, active, others, stack.root))
    except APIError as error:
        raise WorkshopError(
            f"The engine refused the fault {name!r} on {service}: {engine_reason(error)}.",
            "Choose other parameters, or another target.",
        ) from error


def _revert(session: Session, journal: Journal, identifier: str) -> None:
    """Revert a fault and remove it from the journal, unless it is not there (any more)."""
    with journal.locked():
        active = next((one for one in journal.entries() if one.id == identifier), None)
        if active is None:
            return
        others = tuple(one for one in _on(journal, active.container) if one.id != identifier)
        try:
            container = session.engine.client.containers.get(active.container)
            _handler(active).revert(FaultContext(session, journal, container, active, others))
        except NotFound:
            discard_proxy(session, active)  # the target is gone
        except APIError as error:
            raise WorkshopError(
                f"The fault {active.fault!r} on {active.name} could not be reverted: {engine_reason(error)}.",
                "Run ./workshop down, then start again.",
            ) from error
        journal.remove(active)


def _on(journal: Journal, container: str) -> tuple[ActiveFault, ...]:
    """Return the active faults of one container, oldest first."""
    return tuple(one for one in journal.entries() if one.container == container)


def _handler(active: ActiveFault) -> FaultHandler:
    return HANDLERS[catalog.named(active.fault).mechanism]
