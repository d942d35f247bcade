"""Remove what a workspace made: what is in its ledger *and* carries its labels.

A thing whose maker died before it was recorded is found by its labels and recorded first.
"""

from __future__ import annotations

import contextlib
import http.client
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, get_args

import psutil
from docker.errors import APIError, NotFound

from workshop_kit.engine.labels import COMPOSE_PROJECT, MAKER, SCOPE, SESSION, Scope, are_ours
from workshop_kit.engine.ledger import Entry, Kind, volume_id
from workshop_kit.engine.recipes import REPOSITORY
from workshop_kit.engine.session import Session, is_alive
from workshop_kit.progress import Report, Step, silent

# Containers hold networks and volumes, and images last of all.
ORDER: tuple[Kind, ...] = get_args(Kind)
CGROUPS = Path("/sys/fs/cgroup")


@dataclass
class Outcome:
    """What clean-up did.

    ``left`` are the entries that the engine refused to remove, each with its reason; ``unreadable`` has a sentence
    for each line of the ledger that was no entry.
    """

    removed: list[Entry] = field(default_factory=list)
    left: list[tuple[Entry, str]] = field(default_factory=list)
    unreadable: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Resource:
    """A container, network, volume or image in the engine, with its labels."""

    kind: Kind
    id: str
    name: str
    labels: Mapping[str, str]


def remove(
    session: Session,
    scopes: Collection[Scope],
    report: Report = silent,
    *,
    spare_the_living: bool = False,
    made_by: str | None = None,
) -> Outcome:
    """Remove the things of these scopes that are in the ledger and carry the session's labels.

    ``spare_the_living`` leaves what a process made that still runs: another notebook is using it.
    ``made_by`` takes what that process made and nothing else, whether it still runs or not.
    An entry whose thing is gone, or carries other labels by now, leaves the ledger, and nothing is removed.
    """
    outcome = Outcome()
    whole_workspace = "workspace" in scopes and made_by is None
    _end_builds(session, made_by)
    if whole_workspace:
        outcome.unreadable = session.ledger.take_unreadable()
    service = _made_in_the_service_folder(session) if whole_workspace else []
    record_unlisted(session)
    entries = [entry for entry in session.ledger.entries() if entry.scope in scopes] + service
    for number, entry in enumerate(sorted(entries, key=lambda entry: ORDER.index(entry.kind))):
        report(Step("Clean-up", number / len(entries), f"{entry.kind} {entry.name}"))
        try:
            found = _find(session, entry)
            maker = _labels(found).get(MAKER, "")
            if found is not None and made_by is not None and maker != made_by:
                continue
            if spare_the_living and is_alive(maker):
                continue
            if found is not None and (entry in service or are_ours(_labels(found), session.identity.session)):
                _remove(session, entry, found, outcome)
        except APIError as refused:
            outcome.left.append((entry, str(refused.explanation)))
            continue
        session.ledger.remove(entry)
    if whole_workspace:
        _remove_cgroups(session.identity.session)
    report(Step("Clean-up", 1.0, done=True))
    return outcome


def unlisted(session: Session) -> list[str]:
    """Things with the session's labels that are in no ledger, which stay: made by hand, or with forged labels."""
    return [
        f"{one.kind} {one.name}"
        for one in _unrecorded(session)
        # A container that was run by hand from an image of the kit has the image's labels, and so the image's scope.
        if one.kind != "image" and are_ours(one.labels, session.identity.session) and one.labels.get(SCOPE) != "machine"
    ]


def record_unlisted(session: Session) -> None:
    """Write into the ledger what was created for this workspace and not recorded; `unlisted` names the rest."""
    for one in _unrecorded(session):
        if _was_made_for(session, one):
            session.ledger.add(Entry(one.kind, one.id, one.name, one.labels[SCOPE]))  # type: ignore[arg-type]


def _was_made_for(session: Session, thing: Resource) -> bool:
    """Whether the kit or the stack's compose project made it: labels that an image passes on are not enough."""
    labels, project = thing.labels, session.identity.project
    if not are_ours(labels, session.identity.session) or labels.get(SCOPE) not in get_args(Scope):
        return False
    if thing.kind == "image":
        return MAKER in labels or thing.name.startswith((f"{project}/", f"{REPOSITORY}/"))
    return MAKER in labels or labels.get(COMPOSE_PROJECT) == project


def _made_in_the_service_folder(session: Session) -> list[Entry]:
    """What ``docker compose`` made in the participant's folder: also volumes, and the images that it built.

    It is in no ledger and has no labels of the kit; the project's name holds the workspace's random id.
    """
    found = _labeled(session.engine.client, f"{COMPOSE_PROJECT}={session.identity.service_project}")
    return [Entry(one.kind, one.id, one.name, "workspace") for one in found]


def _remove(session: Session, entry: Entry, found: Any, outcome: Outcome) -> None:
    """Remove one thing; an image stays whose name is another's by now."""
    try:
        if entry.kind == "container":
            found.remove(v=True, force=True)
        elif entry.kind == "image":
            # With its last name goes the image; a name that the user has given it keeps it.
            if found.tags and entry.name not in found.tags:
                return
            session.engine.client.images.remove(entry.name if found.tags else entry.id, noprune=False)
        else:
            _disconnect_all(entry, found)
            found.remove()
    except NotFound:
        pass
    except APIError as refused:
        if refused.status_code != http.client.CONFLICT or "already in progress" not in str(refused.explanation):
            raise  # "already in progress": another clean-up is removing it at this moment
    outcome.removed.append(entry)


def _disconnect_all(entry: Entry, found: Any) -> None:
    """Take every container off a network: the engine refuses to remove one that is in use."""
    if entry.kind == "network":
        found.reload()
        for identifier in found.attrs["Containers"] or {}:
            with contextlib.suppress(NotFound):
                found.disconnect(identifier, force=True)


def _find(session: Session, entry: Entry) -> Any | None:
    collection = getattr(session.engine.client, f"{entry.kind}s")
    try:
        found = collection.get(entry.name if entry.kind == "volume" else entry.id)
    except NotFound:
        return None
    identifier = volume_id(found) if entry.kind == "volume" else found.id
    return found if identifier == entry.id else None


def _unrecorded(session: Session) -> list[Resource]:
    known = {entry.id for entry in session.ledger.entries()}
    found = _labeled(session.engine.client, f"{SESSION}={session.identity.session}")
    return [one for one in found if one.id not in known]


def _labeled(client: Any, label: str) -> Iterator[Resource]:
    """Every container, network, volume and image that carries a label."""
    wanted: dict[str, Any] = {"filters": {"label": label}}
    # Not containers.list() and images.list(), which inspect each one: it may be gone by then.
    for row in client.api.containers(all=True, **wanted):
        yield Resource("container", row["Id"], next(iter(row["Names"]), "").lstrip("/"), row["Labels"] or {})
    for network in client.networks.list(**wanted):
        yield Resource("network", network.id, network.name, _labels(network))
    for volume in client.volumes.list(**wanted):
        yield Resource("volume", volume_id(volume), volume.name, _labels(volume))
    for row in client.api.images(**wanted):
        yield Resource("image", row["Id"], next(iter(row["RepoTags"] or ()), row["Id"]), row["Labels"] or {})


def _labels(thing: Any) -> dict[str, str]:
    if thing is None:
        return {}
    labels = thing.labels if hasattr(thing, "labels") else thing.attrs.get("Labels")
    return dict(labels or {})


def _remove_cgroups(session: str) -> None:
    """Remove a workspace's cgroups, which the engine leaves behind with the last container.

    Only root on the engine's own machine may remove one; elsewhere an empty one stays until the machine restarts.
    """
    name = f"workshop-{session}"
    for folder in (CGROUPS / name, *CGROUPS.glob(f"*/{name}")):
        with contextlib.suppress(OSError):
            folder.rmdir()


def _end_builds(session: Session, made_by: str | None) -> None:
    """Kill the session's builders whose maker has died or is named: they would still bring their images."""
    for process in psutil.process_iter(["cmdline"]):
        words = process.info["cmdline"] or ()
        labels = dict(word.split("=", 1) for word in words if word.startswith("workshop.") and "=" in word)
        if (
            labels.get(SESSION) == session.identity.session
            and MAKER in labels
            and (labels[MAKER] == made_by or not is_alive(labels[MAKER]))
        ):
            with contextlib.suppress(psutil.Error):  # it has ended by itself, or is another user's
                process.kill()
