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
from workshop_kit.progress import Report, Step, silent

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
    there = {one.id: one for one in _ours(session)}
    _record(session, there.values())
    entries = [entry for entry in session.ledger.entries() if entry.scope in scopes]
    for number, entry in enumerate(sorted(entries, key=lambda entry: ORDER.index(entry.kind))):
        report(Step("Clean-up", number / len(entries), f"{entry.kind} {entry.name}"))
        thing = there.get(entry.id)
        maker = thing.labels.get(MAKER, "") if thing else ""
        if thing and ((made_by is not None and maker != made_by) or (spare_the_living and is_alive(maker))):
            continue
        try:
            if thing and _remove(session, entry, thing):
                result.removed.append(entry)
        except APIError as refused:
            result.left.append((entry, str(refused.explanation)))
        else:
            session.ledger.remove(entry)
    if "workspace" in scopes:
        remove_cgroups(session.identity.session)
    report(Step("Clean-up", 1.0, done=True))
    return result


def unlisted(session: Session) -> list[str]:
    """Return the objects with the session's labels that no ledger has and clean-up leaves: made or labeled by hand."""
    known = {entry.id for entry in session.ledger.entries()}
    return [f"{resource.kind} {resource.name}" for resource in _ours(session) if _is_unlisted(resource, known)]


def _is_unlisted(resource: Resource, known: Collection[str]) -> bool:
    if resource.id in known or resource.kind == "image":
        return False
    # A container that was run by hand from an image of the kit has the image's labels, and so the image's scope.
    return resource.labels.get(SCOPE) != "machine"


def record_unlisted(session: Session) -> None:
    """Write into the ledger what was created for this workspace and not recorded; `unlisted` names the rest."""
    _record(session, _ours(session))


def _record(session: Session, found: Iterable[Resource]) -> None:
    known = {entry.id for entry in session.ledger.entries()}
    new = [one for one in found if one.id not in known]
    session.ledger.add(*(Entry(one.kind, one.id, one.name, scope) for one in new if (scope := _scope(session, one))))


def _scope(session: Session, thing: Resource) -> Scope | None:
    """Return the scope of what the kit or docker compose made; None where an image only passed the labels on."""
    labels = thing.labels
    identity = session.identity
    project = labels.get(COMPOSE_PROJECT)
    if project == identity.service_project:  # docker compose in the participant's folder knows none of the kit's labels
        return "workspace"
    if thing.kind == "image":
        is_made = thing.name.startswith((identity.image_prefix, f"{REPOSITORY}/"))
    else:
        is_made = project == identity.project
    scope = next((one for one in SCOPES if one == labels.get(SCOPE)), None)
    return scope if is_made or MAKER in labels else None


def _remove(session: Session, entry: Entry, found: Resource) -> bool:
    """Remove one thing; return False for an image that stays, since its name is another's by now."""
    api = session.engine.client.api
    try:
        if entry.kind == "container":
            containers.remove(session, entry.id)
        elif entry.kind == "network":
            for identifier in api.inspect_network(entry.id)["Containers"] or {}:  # the engine removes none in use
                with contextlib.suppress(NotFound):
                    api.disconnect_container_from_network(identifier, entry.id, force=True)
            api.remove_network(entry.id)
        elif entry.kind == "volume":
            api.remove_volume(entry.name)
        elif found.names and entry.name not in found.names:
            return False
        else:
            # With its last name goes the image; a name that the user has given it keeps it.
            api.remove_image(entry.name if found.names else entry.id)
    except NotFound:
        pass
    except APIError as refused:
        if refused.status_code != http.client.CONFLICT or "already in progress" not in str(refused.explanation):
            raise  # "already in progress": another clean-up is removing it at this moment
    return True


def _ours(session: Session) -> list[Resource]:
    """Return everything with the labels of the kit and of this session, or of the participant's compose project."""
    ours = _labeled(session, f"{KIT}={KIT_NAME}", f"{SESSION}={session.identity.session}")
    return ours + _labeled(session, f"{COMPOSE_PROJECT}={session.identity.service_project}")


def _labeled(session: Session, *labels: str) -> list[Resource]:
    api = session.engine.client.api
    wanted = {"label": list(labels)}
    # Not the SDK's own lists of containers and images, which inspect each one: it may be gone by then.
    lists: dict[Kind, Any] = {
        "container": api.containers(all=True, filters=wanted),
        "network": api.networks(filters=wanted),
        "volume": api.volumes(filters=wanted)["Volumes"] or (),
        "image": api.images(filters=wanted),
    }
    return [_resource(kind, row) for kind, rows in lists.items() for row in rows]


def _resource(kind: Kind, row: Mapping[str, Any]) -> Resource:
    names = [*map(short_name, row.get("RepoTags") or ())]
    names = names or row.get("Names") or ([row["Name"]] if "Name" in row else [])
    identifier = volume_id(row) if kind == "volume" else row["Id"]
    return Resource(kind, identifier, tuple(name.lstrip("/") for name in names), row["Labels"] or {})


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
    of_the_user = cgroups / "user.slice" / f"user-{user}.slice" / f"user@{user}.service"
    _remove_slice(of_the_user / "workshop.slice" / f"{name}.slice", "--user")
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
        maker = labels.get(MAKER) if labels.get(SESSION) == session.identity.session else None
        if maker and (maker == made_by or not is_alive(maker)):
            with contextlib.suppress(psutil.Error):  # it has ended by itself, or is another user's
                process.kill()


def _is_label(word: str) -> bool:
    return word.startswith("workshop.") and "=" in word
