"""``with fault("pause", stack, "redis"):`` injects a fault for as long as the block runs, and reverts it at its end.

A fault has a marker, made before it is injected and removed once it is reverted. A process that dies leaves its markers
behind: the reaper, the next start of a lesson or ``down`` reverts those faults. The reverted faults, which charts show
as bands, are kept in the memory of the process that reverted them.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from docker.errors import APIError, DockerException, NotFound
from requests.exceptions import RequestException

from workshop_kit.engine import markers, paused_containers
from workshop_kit.engine.reach import engine_reason
from workshop_kit.engine.session import MakerTest, Session
from workshop_kit.engine.stack import Stack
from workshop_kit.errors import WorkshopError
from workshop_kit.faults import active_fault
from workshop_kit.faults.active_fault import ActiveFault, snapshot
from workshop_kit.faults.catalog import find_fault
from workshop_kit.faults.handlers import HANDLERS, FaultContext, find_proxy
from workshop_kit.reporting import Report, Step, silent

_past: dict[str, dict[str, InjectedFault]] = {}
"""The faults that this process has reverted, by the id of their workspace and that of their marker."""


@dataclass
class InjectedFault:
    """A fault that was injected; ``ended`` (UTC) is None while it is in force."""

    fault: str
    target: str
    parameters: dict[str, Any]
    started: datetime
    ended: datetime | None = None

    def __str__(self) -> str:
        details = "".join(f", {name} {value}" for name, value in self.parameters.items() if value is not None)
        until = f" until {self.ended:%H:%M:%S}" if self.ended else ""
        return f"{self.fault} of {self.target}{details}, from {self.started:%H:%M:%S}{until} UTC"


@contextlib.contextmanager
def fault(name: str, stack: Stack, service: str, /, **parameters: Any) -> Iterator[InjectedFault]:
    """Inject a fault until the end of the block: ``with fault("latency", stack, "redis", latency_ms=300):``.

    ``name`` and ``parameters`` are those of `catalog.FAULTS`. The fault is reverted when the block ends, also by an
    exception or an interrupt; if this process dies, by the next `revert_all`. Faults may nest.
    Raises WorkshopError for an unknown fault or parameter, for a service that does not run, and if the engine refuses.
    """
    all_parameters = find_fault(name).complete_parameters(parameters)
    session = stack.session
    active: ActiveFault | None = None
    injected: InjectedFault | None = None

    try:
        with markers.locked(session):
            active = _mark(stack, service, name, all_parameters)
            _inject(session, active)
        injected = InjectedFault(name, service, all_parameters, datetime.now(UTC))
        yield injected
    finally:
        if active is not None:
            _revert(session, active)
        if injected is not None:
            injected.ended = datetime.now(UTC)


def history(session: Session) -> list[InjectedFault]:
    """Return the faults that this process has reverted, then the active ones of all processes.

    Times are from shortly before the injection to shortly after the revert. Without an engine no fault is active.
    """
    active_faults = []
    with contextlib.suppress(DockerException, RequestException):
        for active in active_fault.find(session):
            active_faults.append(InjectedFault(active.fault, active.name, active.parameters, active.since))
    past_faults = _past.get(session.identity.workspace_id, {})
    return [*past_faults.values(), *active_faults]


def revert_all(session: Session, is_chosen: MakerTest, report: Report = silent) -> list[str]:
    """Revert the active faults of the chosen makers, newest first, then unpause what their cells have paused.

    Clean-up calls it before it removes the faults' proxies. Return a sentence for each fault that cannot be reverted,
    whose marker stays. No WorkshopError is raised.
    """
    problems = []
    descriptions = []
    for active in reversed(active_fault.find(session)):
        if not is_chosen(active.maker):
            continue

        description = f"{active.fault} of {active.name}"
        report(Step("Faults", None, f"reverting {description}"))
        try:
            _revert(session, active)
            descriptions.append(description)
        except WorkshopError as error:
            problems.append(error.what)

    if descriptions:
        report(Step("Faults", 1.0, f"reverted: {', '.join(descriptions)}", done=True))
    for service in paused_containers.end_pauses(session, is_chosen):
        paused_containers.report_unpaused(service, report)
    return problems


def _mark(stack: Stack, service: str, name: str, parameters: dict[str, Any]) -> ActiveFault:
    """Make the marker of a fault on a service. Raises WorkshopError for a service that does not run."""
    container = stack.container(service)
    state = container.attrs["State"]
    if not state["Running"]:
        raise WorkshopError(f"{service} is not running ({state['Status']}).", "Start it again first.")

    other_faults = _active_faults_on(stack.session, container.id)
    active = ActiveFault(
        fault=name,
        parameters=parameters,
        container=container.id,
        name=service,
        before=other_faults[0].before if other_faults else snapshot(container),
        since=datetime.now(UTC),
    )
    return active_fault.mark(stack.session, active)


def _inject(session: Session, active: ActiveFault) -> None:
    """Inject a fault that has its marker. The caller holds the lock. Raises WorkshopError if the engine refuses."""
    inject, _ = HANDLERS[find_fault(active.fault).mechanism]
    try:
        inject(_context(session, active))
    except APIError as error:
        raise WorkshopError(
            f"The engine refused the fault {active.fault!r} on {active.name}: {engine_reason(error)}.",
            "Choose other parameters, or another target.",
        ) from error


def _revert(session: Session, active: ActiveFault) -> None:
    """Revert a fault, and remove its marker, which a user may have removed (``docker container prune``).

    A fault that another process has reverted already is reverted once more, which changes nothing.
    """
    with markers.locked(session):
        _, revert = HANDLERS[find_fault(active.fault).mechanism]
        try:
            revert(_context(session, active))
        except NotFound:  # the target is gone
            proxy = find_proxy(session, active.container)
            if proxy is not None:
                proxy.remove()
        except APIError as error:
            raise WorkshopError(
                f"The fault {active.fault!r} on {active.name} could not be reverted: {engine_reason(error)}.",
                "Run ./workshop down, then start again.",
            ) from error
        if active.marker is not None:
            markers.remove(session, active.marker)

    past_fault = InjectedFault(active.fault, active.name, active.parameters, active.since, datetime.now(UTC))
    _past.setdefault(session.identity.workspace_id, {}).setdefault(active.id, past_fault)


def _context(session: Session, active: ActiveFault) -> FaultContext:
    """Return a fault with its target. Raises NotFound if the target is gone."""
    container = session.engine.client.containers.get(active.container)
    other_faults = [other for other in _active_faults_on(session, active.container) if other.id != active.id]
    return FaultContext(session, container, active, tuple(other_faults))


def _active_faults_on(session: Session, container: str) -> tuple[ActiveFault, ...]:
    """Return the active faults of one container, oldest first."""
    return tuple(active for active in active_fault.find(session) if active.container == container)
