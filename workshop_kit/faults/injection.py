"""``with fault("pause", stack, "redis"):`` breaks something for as long as the block runs, whatever ends the block."""

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
from workshop_kit.faults.endpoints import refusal
from workshop_kit.faults.handlers import MECHANISMS, Pair
from workshop_kit.faults.journal import Journal, Open
from workshop_kit.faults.proxy import discard
from workshop_kit.faults.targets import Case, Where, name_of, snapshot, target
from workshop_kit.progress import Report, Step, silent


@dataclass
class Disturbance:
    """A fault as it happened: ``started`` and ``ended`` (UTC) are when it was in force; None while it still is."""

    fault: str
    target: str
    parameters: dict[str, Any]
    started: datetime
    ended: datetime | None = None

    def __str__(self) -> str:
        until = f" until {self.ended:%H:%M:%S}" if self.ended else ""
        details = "".join(f", {name} {value}" for name, value in self.parameters.items() if value is not None)
        return f"{self.fault} of {self.target}{details}, from {self.started:%H:%M:%S}{until} UTC"


@dataclass
class Undone:
    """The faults that were undone, and those that could not be, each with the reason."""

    undone: list[Open] = field(default_factory=list)
    left: list[tuple[Open, str]] = field(default_factory=list)


@contextlib.contextmanager
def fault(name: str, where: Where, service: str | None = None, /, **parameters: Any) -> Iterator[Disturbance]:
    """Put a fault in force until the end of the block: ``with fault("latency", stack, "redis", latency_ms=300):``.

    ``name`` and ``parameters`` are those of `catalog.FAULTS`; ``where`` is the stack with the name of a ``service``,
    or a container that `engine.containers.run` returned. The fault is undone at the end of the block, by an exception
    or an interrupt, and, if this process dies, by the next `undo_all`. Faults nest.
    Raises WorkshopError in one sentence: no such fault or parameter, not our container, not running, the engine's no.
    """
    complete = catalog.named(name).complete(parameters)
    journal, identifier = Journal(where.session), secrets.token_hex(8)
    try:
        with journal.locked():
            entry = _strike(journal, identifier, name, complete, where, service)
        disturbance = Disturbance(name, entry.name, complete, datetime.now(UTC))
        yield disturbance
    except BaseException as problem:
        try:
            _heal(where.session, journal, identifier)
        except WorkshopError as left:
            problem.add_note(str(left))  # the block's own problem comes first, and may be the reason for this one
        raise
    _heal(where.session, journal, identifier)
    disturbance.ended = datetime.now(UTC)


def history(session: Session) -> list[Disturbance]:
    """The faults of this workspace, whoever made them: those in force and the newest of those that are over.

    They are as the journal has them: ``started`` is when the fault was about to be put in force, ``ended`` when it had
    been undone; the two of a `Disturbance` that `fault` gives lie a moment further in.
    """
    journal = Journal(session)
    past = [
        Disturbance(one.fault, one.name, one.parameters, _moment(one.since), _moment(one.until))
        for one in journal.past()
    ]
    now = [Disturbance(one.fault, one.name, one.parameters, _moment(one.since)) for one in journal.entries()]
    return past + now


def undo_all(session: Session, *, spare_the_living: bool = True, report: Report = silent) -> Undone:
    """Undo the faults that are still in force in this workspace, newest first; do nothing if there are none.

    ``spare_the_living`` leaves those of other processes that still run: another notebook is in the middle of one.
    To be called before clean-up, which removes the proxies of dead kernels. What cannot be undone stays written down.
    """
    journal, outcome = Journal(session), Undone()
    for entry in reversed(journal.entries()):
        if spare_the_living and entry.maker != session.maker and is_alive(entry.maker):
            continue
        report(Step("Faults", None, f"undoing {entry.fault} of {entry.name}"))
        try:
            _heal(session, journal, entry.id)
            outcome.undone.append(entry)
        except WorkshopError as error:
            outcome.left.append((entry, error.what))
    return outcome


def _strike(
    journal: Journal, identifier: str, name: str, parameters: dict[str, Any], where: Where, service: str | None
) -> Open:
    """Write the fault down, then put it in force."""
    container = target(where, service)
    others = _on(journal, container.id)
    entry = Open(
        id=identifier,
        fault=name,
        parameters=parameters,
        container=container.id,
        name=name_of(container),
        before=others[0].before if others else snapshot(container),
        maker=where.session.maker,
        since=datetime.now(UTC).isoformat(),
    )
    journal.add(entry)
    try:
        _pair(entry).strike(Case(where.session, journal, container, entry, others))
    except APIError as error:
        raise WorkshopError(
            f"The fault {name!r} could not be put in force on {entry.name}: {refusal(error)}.",
            "Look at what docker inspect says of it, then run the cell again.",
        ) from error
    return entry


def _heal(session: Session, journal: Journal, identifier: str) -> None:
    """Undo a fault and strike it out; one that is not written down (any more) is no fault."""
    with journal.locked():
        entry = next((one for one in journal.entries() if one.id == identifier), None)
        if entry is None:
            return
        try:
            _heal_target(session, journal, entry)
        except APIError as error:
            raise WorkshopError(
                f"The fault {entry.fault!r} on {entry.name} could not be undone: {refusal(error)}.",
                "Run ./workshop down, then start again.",
            ) from error
        journal.strike(entry)


def _heal_target(session: Session, journal: Journal, entry: Open) -> None:
    """Bring the target back to what it was; one that is gone is fine."""
    others = tuple(one for one in _on(journal, entry.container) if one.id != entry.id)
    try:
        container = session.engine.client.containers.get(entry.container)
        _pair(entry).heal(Case(session, journal, container, entry, others))
    except NotFound:
        discard(session, entry)


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _on(journal: Journal, container: str) -> tuple[Open, ...]:
    """The faults in force on one container, oldest first."""
    return tuple(one for one in journal.entries() if one.container == container)


def _pair(entry: Open) -> Pair:
    return MECHANISMS[catalog.named(entry.fault).mechanism]
