"""Remove what a workspace made: what is in its ledger *and* carries its labels.

An object whose process died before recording it is found by its labels and recorded first.
"""

from __future__ import annotations

import contextlib
import http.client
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, get_args

import psutil
from docker.errors import APIError, NotFound

from workshop_kit.engine import containers
from workshop_kit.engine.labels import COMPOSE_PROJECT, KIT, KIT_NAME, MAKER, SCOPE, SESSION, Identity, Scope
from workshop_kit.engine.recipes import REPOSITORY, short_name
from workshop_kit.engine.session import Entry, Kind, Session, is_alive, volume_id
from workshop_kit.reporting import Report, Step, silent

# A network, a volume or an image can be removed once no container uses it.
ORDER: tuple[Kind, ...] = get_args(Kind)
SCOPES: tuple[Scope, ...] = get_args(Scope)


@dataclass
class CleanupResult:
    """What clean-up did.

    ``left`` has each entry that the engine refused to remove, with the engine's reason. ``unreadable`` has a sentence
    for each line of the ledger that was no entry.
    """

    removed: list[Entry] = field(default_factory=list)
    left: list[tuple[Entry, str]] = field(default_factory=list)
    unreadable: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Resource:
    """A container, network, volume or image in the engine, with its labels. An image may have several names or none."""

    kind: Kind
    id: str
    names: tuple[str, ...]
    labels: Mapping[str, str]

    @property
    def name(self) -> str:
        """Its first name; an image without one is named by its id."""
        return next(iter(self.names), self.id)


def remove(
    session: Session,
    scopes: Collection[Scope],
    report: Report = silent,
    *,
    keep_in_use: bool = False,
    made_by: str | None = None,
) -> CleanupResult:
    """Remove the resources of these scopes that are in the ledger and carry the session's labels.

    With ``keep_in_use`` a resource stays while the process that made it runs: another notebook is using it.
    With ``made_by`` only what that process made is removed, whether the process still runs or not.
    An entry whose resource is gone, or carries other labels by now, is only removed from the ledger.
    """
    result = CleanupResult()
    _kill_builders(session, made_by)
    if "workspace" in scopes:
        result.unreadable = session.ledger.remove_unreadable()
    resources = {resource.id: resource for resource in _own_resources(session)}
    _record_resources(session, resources.values())

    entries = [entry for entry in session.ledger.entries() if entry.scope in scopes]
    entries.sort(key=_position_in_order)
    for number, entry in enumerate(entries):
        report(Step("Clean-up", number / len(entries), f"{entry.kind} {entry.name}"))
        resource = resources.get(entry.id)
        if resource is None:
            session.ledger.remove(entry)
        elif not _is_spared(resource, made_by, keep_in_use=keep_in_use):
            _remove_entry(session, entry, resource, result)

    report(Step("Clean-up", 1.0, done=True))
    return result


def _remove_entry(session: Session, entry: Entry, resource: Resource, result: CleanupResult) -> None:
    """Remove a resource from the engine and its entry from the ledger; add the entry to the result."""
    try:
        is_removed = _remove_resource(session, entry, resource)
    except APIError as refusal:
        result.left.append((entry, str(refusal.explanation)))
        return

    if is_removed:
        result.removed.append(entry)
    session.ledger.remove(entry)


def _position_in_order(entry: Entry) -> int:
    return ORDER.index(entry.kind)


def _is_spared(resource: Resource, made_by: str | None, *, keep_in_use: bool) -> bool:
    """Return whether `remove` leaves a resource because of the process that made it."""
    maker = resource.labels.get(MAKER, "")
    if made_by is not None and maker != made_by:
        return True
    return keep_in_use and is_alive(maker)


def list_unlisted(session: Session) -> list[str]:
    """Return kind and name of each resource that has the session's labels and is not in the ledger, except images.

    Such a one was made or labeled by hand, and clean-up leaves it.
    """
    listed_ids = {entry.id for entry in session.ledger.entries()}
    resources = [resource for resource in _own_resources(session) if _is_unlisted(resource, listed_ids)]
    return [f"{resource.kind} {resource.name}" for resource in resources]


def _is_unlisted(resource: Resource, listed_ids: Collection[str]) -> bool:
    """Return whether a resource is in no entry of the ledger, and is no image nor made from one by hand."""
    if resource.id in listed_ids or resource.kind == "image":
        return False
    # A container that was run by hand from an image of the kit has the image's labels, and so the image's scope.
    return resource.labels.get(SCOPE) != "machine"


def record_unlisted(session: Session) -> None:
    """Write into the ledger what the kit or docker compose created for this workspace and did not record."""
    _record_resources(session, _own_resources(session))


def _record_resources(session: Session, resources: Iterable[Resource]) -> None:
    """Write these resources into the ledger, except those that it has or that were made by hand."""
    listed_ids = {entry.id for entry in session.ledger.entries()}
    new_entries = []
    for resource in resources:
        if resource.id in listed_ids:
            continue
        if scope := _scope_of(session, resource):
            new_entries.append(Entry(resource.kind, resource.id, resource.name, scope))
    session.ledger.add(*new_entries)


def _scope_of(session: Session, resource: Resource) -> Scope | None:
    """Return the scope of a resource that the kit or docker compose made.

    Return None for one that was made by hand, and has inherited its labels from an image.
    """
    labels = resource.labels
    # docker compose in the participant's folder sets none of the kit's labels
    if labels.get(COMPOSE_PROJECT) == session.identity.service_project:
        return "workspace"
    if MAKER not in labels and not _is_of_project(resource, session.identity):
        return None

    for scope in SCOPES:
        if labels.get(SCOPE) == scope:
            return scope
    return None


def _is_of_project(resource: Resource, identity: Identity) -> bool:
    """Return whether an image has a name that the kit gives, or another resource is of the stack's compose project."""
    if resource.kind == "image":
        return resource.name.startswith((identity.image_prefix, f"{REPOSITORY}/"))
    return resource.labels.get(COMPOSE_PROJECT) == identity.project


def _remove_resource(session: Session, entry: Entry, resource: Resource) -> bool:
    """Remove a resource; return False for an image that stays, since the entry's name is another image's by now."""
    if entry.kind == "image" and resource.names and entry.name not in resource.names:
        return False

    try:
        _request_removal(session, entry, resource)
    except NotFound:
        pass
    except APIError as refusal:
        is_conflict = refusal.status_code == http.client.CONFLICT
        # another clean-up is removing it at this moment
        is_in_progress = is_conflict and "already in progress" in str(refusal.explanation)
        if not is_in_progress:
            raise
    return True


def _request_removal(session: Session, entry: Entry, resource: Resource) -> None:
    """Ask the engine to remove a resource of any kind. Raises docker's APIError."""
    api = session.engine.client.api
    if entry.kind == "container":
        containers.remove(session, entry.id)
    elif entry.kind == "network":
        _remove_network(api, entry.id)
    elif entry.kind == "volume":
        api.remove_volume(entry.name)
    elif resource.names:
        api.remove_image(entry.name)  # an image that the user has named, too, stays under the user's name
    else:
        api.remove_image(entry.id)


def _remove_network(api: Any, identifier: str) -> None:
    """Remove a network, after it is disconnected from its containers: the engine removes none in use."""
    for container_id in api.inspect_network(identifier)["Containers"] or {}:
        with contextlib.suppress(NotFound):
            api.disconnect_container_from_network(container_id, identifier, force=True)
    api.remove_network(identifier)


def _own_resources(session: Session) -> list[Resource]:
    """Return everything with the labels of the kit and of this session, or of the participant's compose project."""
    identity = session.identity
    kit_resources = _labeled_resources(session, f"{KIT}={KIT_NAME}", f"{SESSION}={identity.workspace_id}")
    folder_resources = _labeled_resources(session, f"{COMPOSE_PROJECT}={identity.service_project}")
    return kit_resources + folder_resources


def _labeled_resources(session: Session, *labels: str) -> list[Resource]:
    """Return everything in the engine with all of these labels (``KEY=VALUE``)."""
    api = session.engine.client.api
    filters = {"label": list(labels)}

    # Not the SDK's own lists of containers and images, which inspect each one: it may be gone by then.
    rows_by_kind: dict[Kind, Any] = {
        "container": api.containers(all=True, filters=filters),
        "network": api.networks(filters=filters),
        "volume": api.volumes(filters=filters)["Volumes"] or (),
        "image": api.images(filters=filters),
    }

    return [_resource_in_row(kind, row) for kind, rows in rows_by_kind.items() for row in rows]


def _resource_in_row(kind: Kind, row: Mapping[str, Any]) -> Resource:
    """Return the resource that a row of one of the engine's lists describes."""
    identifier = volume_id(row) if kind == "volume" else row["Id"]
    names = tuple(name.lstrip("/") for name in _names_in_row(row))
    return Resource(kind, identifier, names, row["Labels"] or {})


def _names_in_row(row: Mapping[str, Any]) -> list[str]:
    """Return the names in a row: of an image, of a container, or the one name of a network or a volume."""
    if tags := row.get("RepoTags"):
        return [short_name(tag) for tag in tags]
    if names := row.get("Names"):
        return list(names)
    return [row["Name"]] if "Name" in row else []


def _kill_builders(session: Session, made_by: str | None) -> None:
    """Kill the session's builders that ``made_by`` or a dead process has started: they would still create images."""
    for process in psutil.process_iter(["cmdline"]):
        words = process.info["cmdline"] or ()
        labels = dict(word.split("=", 1) for word in words if _is_label(word))
        maker = labels.get(MAKER)
        if not maker or labels.get(SESSION) != session.identity.workspace_id:
            continue

        if maker == made_by or not is_alive(maker):
            with contextlib.suppress(psutil.Error):  # it has ended by itself, or is another user's
                process.kill()


def _is_label(word: str) -> bool:
    return word.startswith("workshop.") and "=" in word
