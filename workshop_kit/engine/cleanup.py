"""Remove what a workspace made: what is in its ledger *and* carries its labels, and nothing else."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from typing import Any

from docker.errors import APIError, NotFound

from workshop_kit.engine import stack
from workshop_kit.engine.labels import KIT, KIT_NAME, Scope, are_ours
from workshop_kit.engine.ledger import Entry, Kind
from workshop_kit.engine.session import MAKER, NONCE, Session, is_alive
from workshop_kit.progress import Report, Step, silent

# Containers hold networks and volumes, and images last of all.
ORDER: tuple[Kind, ...] = ("container", "network", "volume", "image")


@dataclass
class Outcome:
    """What clean-up did: the entries removed, and those it had to leave, each with the engine's reason."""

    removed: list[Entry] = field(default_factory=list)
    left: list[tuple[Entry, str]] = field(default_factory=list)


def remove(
    session: Session, scopes: Collection[Scope], report: Report = silent, *, spare_the_living: bool = False
) -> Outcome:
    """Remove the things of these scopes that are in the ledger and carry our labels; strike them out.

    ``spare_the_living`` leaves what a process made that still runs: another notebook is at work with it.
    An entry whose thing is gone, or whose thing carries other labels by now, is struck out and nothing is removed.
    """
    outcome = Outcome()
    _resolve_announcements(session)
    entries = [entry for entry in session.ledger.entries() if entry.scope in scopes and entry.kind in ORDER]
    for number, entry in enumerate(sorted(entries, key=lambda entry: ORDER.index(entry.kind))):
        report(Step("Clean-up", number / len(entries), f"{entry.kind} {entry.name}"))
        try:
            found = _find(session, entry)
            if found is not None and spare_the_living and is_alive(_labels(found).get(MAKER, "")):
                continue
            if _remove(session, entry, found):
                outcome.removed.append(entry)
        except APIError as refused:
            outcome.left.append((entry, str(refused.explanation)))
            continue
        session.ledger.strike(entry)
    report(Step("Clean-up", 1.0, done=True))
    return outcome


def unlisted(session: Session) -> list[str]:
    """Things that carry our session's labels and are in no ledger: made by hand, or forged. Never removed by us."""
    known = {entry.id for entry in session.ledger.entries()}
    return [
        f"{kind} {name}"
        for kind, identifier, name, labels in _everything_of_the_kit(session)
        if identifier not in known and are_ours(labels, session.who.session)
    ]


def _remove(session: Session, entry: Entry, found: Any | None) -> bool:
    """Remove one thing; False if it is gone, or is not ours after all."""
    if found is None or not are_ours(_labels(found), session.who.session):
        return False
    with contextlib.suppress(NotFound):
        if entry.kind == "container":
            found.remove(v=True, force=True)
        elif entry.kind == "image":
            session.engine.client.images.remove(entry.name, noprune=False)
        else:
            found.remove()
    return True


def _find(session: Session, entry: Entry) -> Any | None:
    client = session.engine.client
    find: dict[str, Callable[[], Any]] = {
        "container": lambda: client.containers.get(entry.id),
        "network": lambda: client.networks.get(entry.id),
        "volume": lambda: client.volumes.get(entry.name),
        "image": lambda: client.images.get(entry.name),
    }
    try:
        found = find[entry.kind]()
    except NotFound:
        return None
    identifier = stack.volume_id(found) if entry.kind == "volume" else found.id
    return found if identifier == entry.id else None


def _resolve_announcements(session: Session) -> None:
    """Turn announcements of things that were being made when their maker died into entries of those things.

    A thing announced by a random word is found by that word. What compose was making is found by its project's name,
    and only while such an announcement stands.
    """
    announced = [entry for entry in session.ledger.entries() if entry.kind == "project" or NONCE in entry.id]
    for entry in announced:
        wanted = f"{stack.PROJECT}={entry.id}" if entry.kind == "project" else entry.id
        key, _, value = wanted.partition("=")
        for kind, identifier, name, labels in _everything_of_the_kit(session):
            if are_ours(labels, session.who.session) and labels.get(key) == value:
                session.ledger.add(Entry(kind, identifier, name, entry.scope))
        session.ledger.strike(entry)


def _everything_of_the_kit(session: Session) -> Iterator[tuple[Kind, str, str, dict[str, str]]]:
    """Kind, id, name and labels of every container, network and volume that carries the kit's label."""
    client, ours = session.engine.client, {"label": f"{KIT}={KIT_NAME}"}
    for container in client.containers.list(all=True, filters=ours, ignore_removed=True):
        yield "container", container.id, container.name, _labels(container)
    for network in client.networks.list(filters=ours):
        yield "network", network.id, network.name, _labels(network)
    for volume in client.volumes.list(filters=ours):
        yield "volume", stack.volume_id(volume), volume.name, _labels(volume)


def _labels(thing: Any) -> dict[str, str]:
    labels = thing.labels if hasattr(thing, "labels") else thing.attrs.get("Labels")
    return dict(labels or {})
