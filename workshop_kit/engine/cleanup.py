"""Remove what a workspace made: what is in its ledger *and* carries its labels.

An object whose process died before recording it is found by its labels and recorded first.
"""

from __future__ import annotations

import contextlib
import http.client
import os
import subprocess
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, get_args

import psutil
from docker.errors import APIError, NotFound

from workshop_kit.engine import containers
from workshop_kit.engine.labels import COMPOSE_PROJECT, KIT, KIT_NAME, MAKER, SCOPE, SESSION, Scope
from workshop_kit.engine.recipes import REPOSITORY, short_name
from workshop_kit.engine.session import Entry, Kind, Session, is_alive, volume_id
from workshop_kit.patience import patient
from workshop_kit.reporting import Report, Step, silent

# Containers hold networks and volumes, and images last of all.
ORDER: tuple[Kind, ...] = get_args(Kind)
SCOPES: tuple[Scope, ...] = get_args(Scope)
CGROUPS = Path("/sys/fs/cgroup")
SYSTEMD_SECONDS = 10.0


@dataclass
class CleanupResult:
    """What clean-up did.

    ``left`` are the entries that the engine refused to remove, each with its reason; ``unreadable`` has a sentence
    for each line of the ledger that was no entry.
    """

    removed: list[Entry] = field(default_factory=list)
    left: list[tuple[Entry, str]] = field(default_factory=list)
    unreadable: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Resource:
    """A container, network, volume or image in the engine, with its labels; ``names`` are those of an image, too."""

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
    spare_the_living: bool = False,
    made_by: str | None = None,
) -> CleanupResult:
    """Remove the things of these scopes that are in the ledger and carry the session's labels.

    ``spare_the_living`` leaves what a process made that still runs: another notebook is using it.
    ``made_by`` takes what that process made and nothing else, whether it still runs or not.
    An entry whose thing is gone, or carries other labels by now, leaves the ledger, and nothing is removed.
    """
    result = CleanupResult()
    _end_builds(session, made_by)
    if "workspace" in scopes:
        result.unreadable = session.ledger.remove_unreadable()
    resources = {resource.id: resource for resource in _own_resources(session)}
    _record(session, resources.values())

    entries = [entry for entry in session.ledger.entries() if entry.scope in scopes]
    entries.sort(key=_position_in_order)
    for number, entry in enumerate(entries):
        report(Step("Clean-up", number / len(entries), f"{entry.kind} {entry.name}"))
        resource = resources.get(entry.id)
        if resource and _is_spared(resource, made_by, spare_the_living=spare_the_living):
            continue
        try:
            if resource and _remove(session, entry, resource):
                result.removed.append(entry)
        except APIError as refused:
            result.left.append((entry, str(refused.explanation)))
        else:
            session.ledger.remove(entry)

    if "workspace" in scopes:
        remove_cgroups(session.identity.workspace_id)
    report(Step("Clean-up", 1.0, done=True))
    return result


def _position_in_order(entry: Entry) -> int:
    return ORDER.index(entry.kind)


def _is_spared(resource: Resource, made_by: str | None, *, spare_the_living: bool) -> bool:
    """Return whether `remove` leaves a resource because of the process that made it."""
    maker = resource.labels.get(MAKER, "")
    if made_by is not None and maker != made_by:
        return True
    return spare_the_living and is_alive(maker)


def unlisted(session: Session) -> list[str]:
    """Return the objects with the session's labels that no ledger has and clean-up leaves: made or labeled by hand."""
    listed_ids = {entry.id for entry in session.ledger.entries()}
    resources = [resource for resource in _own_resources(session) if _is_unlisted(resource, listed_ids)]
    return [f"{resource.kind} {resource.name}" for resource in resources]


def _is_unlisted(resource: Resource, listed_ids: Collection[str]) -> bool:
    if resource.id in listed_ids or resource.kind == "image":
        return False
    # A container that was run by hand from an image of the kit has the image's labels, and so the image's scope.
    return resource.labels.get(SCOPE) != "machine"


def record_unlisted(session: Session) -> None:
    """Write into the ledger what was created for this workspace and not recorded; `unlisted` names the rest."""
    _record(session, _own_resources(session))


def _record(session: Session, resources: Iterable[Resource]) -> None:
    listed_ids = {entry.id for entry in session.ledger.entries()}
    new_entries = []
    for resource in resources:
        if resource.id in listed_ids:
            continue
        if scope := _scope(session, resource):
            new_entries.append(Entry(resource.kind, resource.id, resource.name, scope))
    session.ledger.add(*new_entries)


def _scope(session: Session, resource: Resource) -> Scope | None:
    """Return the scope of what the kit or docker compose made; None where an image only passed the labels on."""
    labels = resource.labels
    identity = session.identity
    project = labels.get(COMPOSE_PROJECT)
    if project == identity.service_project:  # docker compose in the participant's folder knows none of the kit's labels
        return "workspace"

    if resource.kind == "image":
        is_made = resource.name.startswith((identity.image_prefix, f"{REPOSITORY}/"))
    else:
        is_made = project == identity.project
    if not is_made and MAKER not in labels:
        return None
    return next((scope for scope in SCOPES if scope == labels.get(SCOPE)), None)


def _remove(session: Session, entry: Entry, resource: Resource) -> bool:
    """Remove a resource; return False for an image that stays, since its name is another's by now."""
    api = session.engine.client.api
    try:
        if entry.kind == "container":
            containers.remove(session, entry.id)
        elif entry.kind == "network":
            _remove_network(api, entry.id)
        elif entry.kind == "volume":
            api.remove_volume(entry.name)
        elif resource.names and entry.name not in resource.names:
            return False
        else:
            # With its last name goes the image; a name that the user has given it keeps it.
            api.remove_image(entry.name if resource.names else entry.id)
    except NotFound:
        pass
    except APIError as refused:
        if refused.status_code != http.client.CONFLICT or "already in progress" not in str(refused.explanation):
            raise  # "already in progress": another clean-up is removing it at this moment
    return True


def _remove_network(api: Any, identifier: str) -> None:
    """Remove a network, after it is disconnected from its containers: the engine removes none in use."""
    for container_id in api.inspect_network(identifier)["Containers"] or {}:
        with contextlib.suppress(NotFound):
            api.disconnect_container_from_network(container_id, identifier, force=True)
    api.remove_network(identifier)


def _own_resources(session: Session) -> list[Resource]:
    """Return everything with the labels of the kit and of this session, or of the participant's compose project."""
    of_the_kit = _labeled(session, f"{KIT}={KIT_NAME}", f"{SESSION}={session.identity.workspace_id}")
    of_the_folder = _labeled(session, f"{COMPOSE_PROJECT}={session.identity.service_project}")
    return of_the_kit + of_the_folder


def _labeled(session: Session, *labels: str) -> list[Resource]:
    api = session.engine.client.api
    filters = {"label": list(labels)}

    # Not the SDK's own lists of containers and images, which inspect each one: it may be gone by then.
    rows_by_kind: dict[Kind, Any] = {
        "container": api.containers(all=True, filters=filters),
        "network": api.networks(filters=filters),
        "volume": api.volumes(filters=filters)["Volumes"] or (),
        "image": api.images(filters=filters),
    }

    return [_resource(kind, row) for kind, rows in rows_by_kind.items() for row in rows]


def _resource(kind: Kind, row: Mapping[str, Any]) -> Resource:
    identifier = volume_id(row) if kind == "volume" else row["Id"]
    names = tuple(name.lstrip("/") for name in _names(row))
    return Resource(kind, identifier, names, row["Labels"] or {})


def _names(row: Mapping[str, Any]) -> list[str]:
    """Return the names in a row of the engine's list of images, of containers, or of networks and volumes."""
    if tags := row.get("RepoTags"):
        return [short_name(tag) for tag in tags]
    if names := row.get("Names"):
        return list(names)
    return [row["Name"]] if "Name" in row else []


def remove_cgroups(session: str, cgroups: Path = CGROUPS) -> None:
    """Remove a workspace's cgroups, which the engine leaves behind with the last container.

    Only root on the engine's own machine may remove one, and of a rootless engine its user; elsewhere an empty one
    stays until the machine restarts.
    """
    name = f"workshop-{session}"
    for folder in (cgroups / name, *cgroups.glob(f"*/{name}")):
        _remove_folder(folder)

    user = os.getuid()
    _remove_slice(cgroups / "workshop.slice" / f"{name}.slice")
    user_service = cgroups / "user.slice" / f"user-{user}.slice" / f"user@{user}.service"
    _remove_slice(user_service / "workshop.slice" / f"{name}.slice", "--user")
    for folder in cgroups.glob(f"*/workshop.slice/{name}.slice"):  # version 1, where each controller has a tree
        _remove_slice(folder)


def _remove_slice(folder: Path, *manager: str) -> None:
    """Remove a slice of systemd, and the one above it where that was the last of all workspaces' slices.

    The kernel removes no cgroup in use, so systemd is told only about one that is empty; and without its dependencies,
    since another workspace's slice may begin in this moment. ``manager`` is the option that names the user's systemd.
    """
    for cgroup in (folder, folder.parent):
        if not _remove_folder(cgroup):
            return
        _systemctl(*manager, "stop", "--job-mode=ignore-dependencies", cgroup.name)


def _remove_folder(cgroup: Path) -> bool:
    """Remove a cgroup; return whether it was there, was empty, and is gone."""
    try:
        cgroup.rmdir()
    except OSError:
        return False
    return True


def _systemctl(*words: str) -> None:
    """Ask systemd; a refusal, or a machine without systemd, leaves things as they are."""
    with contextlib.suppress(OSError, subprocess.TimeoutExpired):
        command = ["systemctl", "--no-ask-password", *words]
        subprocess.run(command, capture_output=True, check=False, timeout=patient(SYSTEMD_SECONDS))


def _end_builds(session: Session, made_by: str | None) -> None:
    """Kill the session's builders whose maker has died or is named: they would still bring their images."""
    for process in psutil.process_iter(["cmdline"]):
        words = process.info["cmdline"] or ()
        labels = dict(word.split("=", 1) for word in words if _is_label(word))
        maker = labels.get(MAKER) if labels.get(SESSION) == session.identity.workspace_id else None
        if maker and (maker == made_by or not is_alive(maker)):
            with contextlib.suppress(psutil.Error):  # it has ended by itself, or is another user's
                process.kill()


def _is_label(word: str) -> bool:
    return word.startswith("workshop.") and "=" in word
