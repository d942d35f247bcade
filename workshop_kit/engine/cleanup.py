"""Remove what a workspace made: the engine is asked for what carries the workspace's labels."""

from __future__ import annotations

import contextlib
import http.client
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

import psutil
from docker.errors import APIError, NotFound

from workshop_kit.engine.client_containers import remove_container
from workshop_kit.engine.labels import (
    COMPOSE_PROJECT,
    IMAGE_MAKER,
    IMAGE_SCOPE,
    IMAGE_SESSION,
    MAKER,
    SCOPE,
    SESSION,
    Scope,
)
from workshop_kit.engine.recipes import ALIASES, REPOSITORY, short_name
from workshop_kit.engine.session import MakerTest, Session, everyone, is_alive
from workshop_kit.reporting import Report, Step, silent

Kind = Literal["container", "network", "volume", "image"]
# A network, a volume or an image can be removed once no container uses it.
ORDER: tuple[Kind, ...] = get_args(Kind)
MACHINE_NAMES = (f"{REPOSITORY}/", *ALIASES.values())
"""How the names of the kit's images begin. An image that a user builds on one of them inherits its labels."""


@dataclass(frozen=True)
class Resource:
    """A container, network, volume or image in the engine.

    ``names`` are those that the kit or Compose gave it, ``maker`` is "" for what outlives its maker.
    """

    kind: Kind
    id: str
    names: tuple[str, ...]
    scope: str
    maker: str = ""

    @property
    def name(self) -> str:
        """Its first name; an image without one is named by its id."""
        return next(iter(self.names), self.id)


@dataclass
class CleanupResult:
    """What clean-up did. ``left`` has what the engine refused to remove, with the engine's reason."""

    removed: list[Resource] = field(default_factory=list)
    left: list[tuple[Resource, str]] = field(default_factory=list)

    @property
    def removed_in_words(self) -> str:
        """How many resources of each kind were removed, such as ``2 containers, 1 network``; "" if none was."""
        counts = Counter(resource.kind for resource in self.removed)
        phrases = []
        for kind in ORDER:
            if counts[kind] == 1:
                phrases.append(f"1 {kind}")
            elif counts[kind] > 1:
                phrases.append(f"{counts[kind]} {kind}s")
        return ", ".join(phrases)


def remove(
    session: Session, scopes: Collection[Scope], report: Report = silent, *, is_chosen: MakerTest = everyone
) -> CleanupResult:
    """Remove the workspace's resources of these scopes, as far as ``is_chosen`` is true of who made them.

    The scope ``machine`` are the kit's images, from whichever workspace, that no other container uses.
    """
    result = CleanupResult()
    _kill_builders(session, is_chosen)

    # Images come last, and only after the containers are gone: who still uses one is somebody else.
    for kind in ORDER:
        resources = [resource for resource in _own(session, kind, scopes) if is_chosen(resource.maker)]
        for number, resource in enumerate(resources):
            report(Step("Clean-up", number / len(resources), f"{kind} {resource.name}"))
            _remove(session, resource, result)

    report(Step("Clean-up", 1.0, done=True))
    return result


def _own(session: Session, kind: Kind, scopes: Collection[Scope]) -> list[Resource]:
    """Return the workspace's resources of a kind in these scopes; with ``machine`` the machine's images, too."""
    resources = _own_images(session, scopes) if kind == "image" else _own_objects(session, kind)
    return [resource for resource in resources if resource.scope in scopes]


def _own_objects(session: Session, kind: Kind) -> list[Resource]:
    """Return the workspace's containers, networks or volumes."""
    identity = session.identity
    project = identity.service_project
    resources = {}
    for row in _rows(session, kind, f"{SESSION}={identity.workspace_id}"):
        labels = row["Labels"]
        if labels.get(SCOPE) in {"kernel", "workspace"}:
            resource = _object(kind, row, labels[SCOPE], labels.get(MAKER, ""))
            resources[resource.id] = resource

    for row in _rows(session, kind, f"{COMPOSE_PROJECT}={project}"):
        is_own = session.owns(row["Labels"]) if kind == "container" else row["Name"].startswith(f"{project}_")
        resource = _object(kind, row, "workspace", "")
        if is_own:
            resources.setdefault(resource.id, resource)
    return list(resources.values())


def _object(kind: Kind, row: Mapping[str, Any], scope: str, maker: str) -> Resource:
    """Return the container, network or volume that a row of one of the engine's lists describes."""
    identifier = row["Name"] if kind == "volume" else row["Id"]
    names = row["Names"] if kind == "container" else [row["Name"]]
    return Resource(kind, identifier, tuple(name.lstrip("/") for name in names), scope, maker)


def _own_images(session: Session, scopes: Collection[Scope]) -> list[Resource]:
    """Return the images of the workspace, and for the scope ``machine`` the machine's that no container uses.

    A user's own name of an image is not among its names. An image that has no other name is left out.
    """
    workspace_id = session.identity.workspace_id
    resources = []
    for row in _rows(session, "image", f"{IMAGE_SESSION}={workspace_id}"):
        names = _names_with(row, workspace_id) or _kit_names(row)
        if names or not _tags(row):
            labels = row["Labels"]
            resource = Resource("image", row["Id"], names, labels.get(IMAGE_SCOPE, ""), labels.get(IMAGE_MAKER, ""))
            resources.append(resource)

    for row in _rows(session, "image", f"{COMPOSE_PROJECT}={session.identity.service_project}"):
        names = _names_with(row, workspace_id)
        if names and IMAGE_SESSION not in row["Labels"]:
            resources.append(Resource("image", row["Id"], names, "workspace"))

    if "machine" in scopes:
        resources += _unused_images(session)
    return resources


def _unused_images(session: Session) -> list[Resource]:
    """Return the machine's images, which have the kit's names and no workspace, and which no container uses."""
    api = session.engine.client.api
    used_ids = {row["ImageID"] for row in api.containers(all=True)}
    resources = []
    for row in api.images():
        is_of_workspace = IMAGE_SESSION in (row["Labels"] or {})
        names = _kit_names(row)
        if names and not is_of_workspace and row["Id"] not in used_ids:
            resources.append(Resource("image", row["Id"], names, "machine"))
    return resources


def _names_with(row: Mapping[str, Any], workspace_id: str) -> tuple[str, ...]:
    """Return the names of an image that have the workspace's id in them."""
    return tuple(tag for tag in _tags(row) if workspace_id in tag)


def _kit_names(row: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the names of an image that the kit gives."""
    return tuple(tag for tag in _tags(row) if tag.startswith(MACHINE_NAMES))


def _tags(row: Mapping[str, Any]) -> list[str]:
    """Return the names in a row of the engine's list of images."""
    return [short_name(tag) for tag in row.get("RepoTags") or () if not tag.startswith("<none>")]


def _rows(session: Session, kind: Kind, label: str) -> list[dict[str, Any]]:
    """Return the engine's list of a kind, of what has this label (``KEY=VALUE``)."""
    api = session.engine.client.api
    filters = {"label": [label]}

    # Not the SDK's own lists of containers and images, which inspect each one: it may be gone by then.
    if kind == "container":
        rows = api.containers(all=True, filters=filters)
    elif kind == "network":
        rows = api.networks(filters=filters)
    elif kind == "volume":
        rows = api.volumes(filters=filters)["Volumes"] or ()
    else:
        rows = api.images(filters=filters)
    return list(rows)


def _remove(session: Session, resource: Resource, result: CleanupResult) -> None:
    """Remove a resource from the engine, and add it to the result."""
    try:
        _request_removal(session, resource)
    except NotFound:
        return
    except APIError as refusal:
        reason = str(refusal.explanation)
        is_conflict = refusal.status_code == http.client.CONFLICT
        # another clean-up is removing it at this moment
        if not (is_conflict and "already in progress" in reason):
            result.left.append((resource, reason))
        return

    result.removed.append(resource)


def _request_removal(session: Session, resource: Resource) -> None:
    """Ask the engine to remove a resource of any kind. Raises docker's APIError."""
    api = session.engine.client.api
    if resource.kind == "container":
        remove_container(session, resource.id)
    elif resource.kind == "network":
        _remove_network(api, resource.id)
    elif resource.kind == "volume":
        api.remove_volume(resource.name)
    else:
        for name in resource.names or [resource.id]:
            api.remove_image(name)  # an image that the user has named, too, stays under the user's name


def _remove_network(api: Any, identifier: str) -> None:
    """Remove a network, after it is disconnected from its containers: the engine removes none in use."""
    for container_id in api.inspect_network(identifier)["Containers"] or {}:
        with contextlib.suppress(NotFound):
            api.disconnect_container_from_network(container_id, identifier, force=True)
    api.remove_network(identifier)


def _kill_builders(session: Session, is_chosen: MakerTest) -> None:
    """Kill the workspace's builders that a dead process or a chosen maker has started: they would create images."""
    for process in psutil.process_iter(["cmdline"]):
        labels = _labels_in(process.info["cmdline"] or ())
        maker = labels.get(IMAGE_MAKER)
        if not maker or labels.get(IMAGE_SESSION) != session.identity.workspace_id:
            continue

        if is_chosen(maker) or not is_alive(maker):
            with contextlib.suppress(psutil.Error):  # it has ended by itself, or is another user's
                process.kill()


def _labels_in(words: Iterable[str]) -> dict[str, str]:
    """Return the kit's labels among the words of a command, ``KEY=VALUE`` each."""
    pairs = [word.partition("=") for word in words if word.startswith("workshop.")]
    return {name: value for name, _, value in pairs}
