"""Remove what a workspace made: what is in its ledger *and* carries its labels, and nothing else."""

from __future__ import annotations

import contextlib
import http.client
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from typing import Any

from docker.errors import APIError, NotFound

from workshop_kit.engine import cgroups, resources, stack
from workshop_kit.engine.labels import COMPOSE_PROJECT, KIT, KIT_NAME, SCOPE, Scope, are_ours
from workshop_kit.engine.ledger import Entry, Kind
from workshop_kit.engine.session import MAKER, Session, announced_seconds_ago, is_alive, is_announcement
from workshop_kit.progress import Report, Step, silent

# Containers hold networks and volumes, and images last of all.
ORDER: tuple[Kind, ...] = ("container", "network", "volume", "image")
IN_FLIGHT_SECONDS = 60
"""A thing may come this long after its maker died: the engine was already at it, or an image was being exported."""


@dataclass
class Outcome:
    """What clean-up did: the entries removed, and those it had to leave, each with the engine's reason."""

    removed: list[Entry] = field(default_factory=list)
    left: list[tuple[Entry, str]] = field(default_factory=list)


def remove(
    session: Session,
    scopes: Collection[Scope],
    report: Report = silent,
    *,
    spare_the_living: bool = False,
    made_by: str | None = None,
) -> Outcome:
    """Remove the things of these scopes that are in the ledger and carry our labels; strike them out.

    ``spare_the_living`` leaves what a process made that still runs: another notebook is at work with it.
    ``made_by`` takes what that process made and nothing else, whether it still runs or not.
    An entry whose thing is gone, or whose thing carries other labels by now, is struck out and nothing is removed.
    """
    outcome = Outcome()
    _resolve_announcements(session, scopes, made_by)
    if "workspace" in scopes and made_by is None:
        _remove_service_project(session, outcome)
    entries = [
        entry
        for entry in session.ledger.entries()
        if entry.scope in scopes and entry.kind in ORDER and not is_announcement(entry)
    ]
    for number, entry in enumerate(sorted(entries, key=lambda entry: ORDER.index(entry.kind))):
        report(Step("Clean-up", number / len(entries), f"{entry.kind} {entry.name}"))
        try:
            found = _find(session, entry)
            maker = "" if found is None else _labels(found).get(MAKER, "")
            if made_by is not None and found is not None and maker != made_by:
                continue
            if spare_the_living and is_alive(maker):
                continue
            if _remove(session, entry, found):
                outcome.removed.append(entry)
        except APIError as refused:
            outcome.left.append((entry, str(refused.explanation)))
            continue
        session.ledger.strike(entry)
    if "workspace" in scopes and made_by is None:
        cgroups.remove_empty(session.who.session)
    report(Step("Clean-up", 1.0, done=True))
    return outcome


def unlisted(session: Session) -> list[str]:
    """Things that carry our session's labels and are in no ledger: made by hand, or forged. Never removed by us."""
    known = {entry.id for entry in session.ledger.entries()}
    return [
        f"{kind} {name}"
        for kind, identifier, name, labels in _everything_of_the_kit(session)
        # What was run past the kit from one of its images has the image's labels, and so the scope of images.
        if identifier not in known and are_ours(labels, session.who.session) and labels.get(SCOPE) != "machine"
    ]


def _remove_service_project(session: Session, outcome: Outcome) -> None:
    """Remove what ``docker compose`` made in the participant's folder, with its volumes and the images it built.

    It is in no ledger and has no labels of ours; the project's name holds the workspace's random id.
    """
    client, project = session.engine.client, session.who.service_project
    wanted: dict[str, Any] = {"filters": {"label": f"{COMPOSE_PROJECT}={project}"}}
    found: list[tuple[Kind, str, str]] = [
        *(("container", one.id, one.name) for one in client.containers.list(all=True, ignore_removed=True, **wanted)),
        *(("network", one.id, one.name) for one in client.networks.list(**wanted)),
        *(("volume", stack.volume_id(one), one.name) for one in client.volumes.list(**wanted)),
        *(("image", one["Id"], next(iter(one["RepoTags"] or ()), one["Id"])) for one in client.api.images(**wanted)),
    ]
    for kind, identifier, name in found:
        entry = Entry(kind, identifier, name, "workspace")
        try:
            if (thing := _find(session, entry)) is not None and _take_away(session, entry, thing):
                outcome.removed.append(entry)
        except APIError as refused:
            outcome.left.append((entry, str(refused.explanation)))


def _remove(session: Session, entry: Entry, found: Any | None) -> bool:
    """Remove one thing; False if it is gone, or is not ours after all."""
    if found is None or not are_ours(_labels(found), session.who.session):
        return False
    return _take_away(session, entry, found)


def _take_away(session: Session, entry: Entry, found: Any) -> bool:
    try:
        if entry.kind == "container":
            found.remove(v=True, force=True)
        elif entry.kind == "image":
            return _remove_image(session, entry, found)
        else:
            _detach_all(entry, found)
            found.remove()
    except NotFound:
        pass
    except APIError as refused:
        if refused.status_code != http.client.CONFLICT or "already in progress" not in str(refused.explanation):
            raise  # another sweep is removing it at this moment: that is as good
    return True


def _remove_image(session: Session, entry: Entry, found: Any) -> bool:
    """Take our name off an image, and with its last name the image; a name that somebody gave it since keeps it."""
    if found.tags and entry.name not in found.tags:
        return False
    session.engine.client.images.remove(entry.name if found.tags else entry.id, noprune=False)
    return True


def _detach_all(entry: Entry, found: Any) -> None:
    """Take every container off a network of ours: the stack's service may be on it, and the engine then refuses."""
    if entry.kind == "network":
        found.reload()
        for identifier in found.attrs["Containers"] or {}:
            with contextlib.suppress(NotFound):
                found.disconnect(identifier, force=True)


def _find(session: Session, entry: Entry) -> Any | None:
    client = session.engine.client
    find: dict[str, Callable[[], Any]] = {
        "container": lambda: client.containers.get(entry.id),
        "network": lambda: client.networks.get(entry.id),
        "volume": lambda: client.volumes.get(entry.name),
        "image": lambda: client.images.get(entry.id),  # its tag may be another image's by now
    }
    try:
        found = find[entry.kind]()
    except NotFound:
        return None
    identifier = stack.volume_id(found) if entry.kind == "volume" else found.id
    return found if identifier == entry.id else None


def _resolve_announcements(session: Session, scopes: Collection[Scope], made_by: str | None) -> None:
    """Turn announcements of things that were being made when their maker died into entries of those things.

    A thing announced by a random word is found by that word. What compose was making is found by its project's name,
    and only while such an announcement stands. An announcement of a process that lives is that process's own to
    strike; one of a dead process stands until nothing can come any more.
    """
    announced = [entry for entry in session.ledger.entries() if entry.kind == "project" or is_announcement(entry)]
    for entry in announced:
        if entry.scope not in scopes or (made_by is not None and entry.name != made_by):
            continue
        wanted = f"{COMPOSE_PROJECT}={entry.id}" if entry.kind == "project" else entry.id
        key, _, value = wanted.partition("=")
        dead = entry.kind != "project" and not is_alive(entry.name)
        if entry.kind == "image" and dead:
            resources.stop_builds(value)
        everything = _images_of_the_kit(session) if entry.kind == "image" else _everything_of_the_kit(session)
        met = [
            Entry(kind, identifier, name, entry.scope)
            for kind, identifier, name, labels in everything
            if are_ours(labels, session.who.session) and labels.get(key) == value
        ]
        session.ledger.add(*met)
        if entry.kind == "project" or (dead and (met or announced_seconds_ago(entry) > IN_FLIGHT_SECONDS)):
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


def _images_of_the_kit(session: Session) -> Iterator[tuple[Kind, str, str, dict[str, str]]]:
    """The same of every image, those without a name included."""
    # Not images.list(): that looks at each once more, and another's may be gone by then.
    for image in session.engine.client.api.images(filters={"label": f"{KIT}={KIT_NAME}"}):
        yield "image", image["Id"], next(iter(image["RepoTags"] or ()), image["Id"]), dict(image["Labels"] or {})


def _labels(thing: Any) -> dict[str, str]:
    labels = thing.labels if hasattr(thing, "labels") else thing.attrs.get("Labels")
    return dict(labels or {})
