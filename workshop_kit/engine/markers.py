"""Markers say what this workspace has paused or disturbed, for which process, and how to undo it.

A marker is a container that is never started. Its labels say all of that, and are there before the pause or the fault
is; it is removed once that is undone. A process that is killed leaves its markers: `Stack.up`, the next start of a
lesson and the reaper end its pauses. They leave a pause that a running process holds: it is an experiment.
"""

from __future__ import annotations

import contextlib
import http.client
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from docker.errors import APIError, ImageNotFound
from docker.models.containers import Container
from filelock import FileLock

from workshop_kit.engine.labels import COLLECT, COMPOSE_PROJECT, MAKER, SCOPE, SESSION, service_in
from workshop_kit.engine.recipes import PYTHON_ALIAS
from workshop_kit.engine.session import Makers, Session, is_alive
from workshop_kit.errors import WorkshopError
from workshop_kit.reporting import Report, Step

FAULT = "workshop.fault"
"""The name of the fault, or `CELL`."""
TARGET = "workshop.target"
"""The full id of the container that is paused or disturbed."""
DETAILS = "workshop.details"
"""What else there is to say about a fault, in JSON."""
CELL = "cell"
"""In place of a fault's name: a cell has called ``pause``."""
PAUSE = "pause"
"""The fault that pauses, too."""
GOES_ON = "was paused, and goes on"


@dataclass(frozen=True)
class Marker:
    """The labels of a marker container; ``id`` is the container's."""

    id: str
    fault: str
    target: str
    maker: str
    details: str = ""

    @property
    def pauses(self) -> bool:
        """Whether the target is paused for it."""
        return self.fault in {CELL, PAUSE}


def mark(session: Session, fault: str, target: str, service: str, details: str = "") -> Marker:
    """Make a marker of a fault, or of the pause of a `CELL`. Raises WorkshopError if its image is missing.

    ``target`` is the container's full id, ``service`` a word for it in the marker's name.
    """
    labels = session.labels("workspace", {FAULT: fault, TARGET: target, DETAILS: details, COLLECT: "no"})
    name = session.identity.real_name(f"{fault}-of-{service}-{secrets.token_hex(2)}")
    try:
        answer = session.engine.client.api.create_container(PYTHON_ALIAS, ["true"], name=name, labels=labels)
    except ImageNotFound as missing:
        raise WorkshopError(f"There is no image {PYTHON_ALIAS}.", "Run ./workshop setup to build it.") from missing
    return Marker(answer["Id"], fault, target, session.maker, details)


def find(session: Session) -> list[Marker]:
    """Return the markers of this workspace."""
    filters = {"label": [FAULT, TARGET, f"{SESSION}={session.identity.workspace_id}"]}
    markers = []
    for row in session.engine.client.api.containers(all=True, filters=filters):
        labels = row["Labels"]
        marker = Marker(row["Id"], labels[FAULT], labels[TARGET], labels.get(MAKER, ""), labels.get(DETAILS, ""))
        markers.append(marker)
    return markers


def remove(session: Session, *markers: Marker) -> None:
    """Remove markers of what is undone; one that is gone, or that another process is removing, is no error."""
    for marker in markers:
        try:
            session.engine.client.api.remove_container(marker.id)
        except APIError as refusal:
            if refusal.status_code not in (http.client.NOT_FOUND, http.client.CONFLICT):
                raise


@contextlib.contextmanager
def locked(session: Session) -> Iterator[None]:
    """Let no other process of the workspace pause, disturb or undo during the block; a dead process locks nothing."""
    if not session.folder.is_dir():  # the workspace has been deleted
        yield
        return

    with FileLock(session.folder / "faults.lock", poll_interval=0.01):
        yield


@dataclass(frozen=True)
class PausedContainer:
    """A paused container of the workspace, and its markers. ``service`` is its name if it is no service of a stack."""

    id: str
    name: str
    service: str
    project: str
    markers: tuple[Marker, ...] = ()

    @property
    def holder(self) -> Marker | None:
        """The marker of a process that still runs; None if none does."""
        return next((marker for marker in self.markers if is_alive(marker.maker)), None)

    @property
    def is_abandoned(self) -> bool:
        """Whether it has markers, and all their processes have ended."""
        return bool(self.markers) and self.holder is None

    @property
    def sentence(self) -> str:
        """What is paused, and by whom, in one sentence."""
        if self.holder is None:
            return f"{self.service} is paused: it answers nothing, and no running process holds it."

        process_id = self.holder.maker.partition("@")[0]
        return f"{self.service} is paused by process {process_id}, a notebook or the desk, which still runs."

    @property
    def next_step(self) -> str:
        """What to do about it."""
        if self.holder is None:
            return f"Run {self.command}, or w.up() in a lesson."
        return "Let that cell end, revert the fault there, or restart that kernel."

    @property
    def command(self) -> str:
        """The command that unpauses it."""
        return f"docker unpause {self.name}"


def find_paused(session: Session) -> list[PausedContainer]:
    """Return the paused containers of this workspace: its stack's, its folder's, and the participant's own.

    A container of the scope ``kernel`` is left out: it belongs to a process, and is removed with it.
    """
    pausing_markers = [marker for marker in find(session) if marker.pauses]
    containers = []

    for row in _paused_rows(session):
        labels = row["Labels"] or {}
        name = row["Names"][0].lstrip("/")
        service = service_in(labels) or name
        project = labels.get(COMPOSE_PROJECT, "")
        own_markers = tuple(marker for marker in pausing_markers if marker.target == row["Id"])
        containers.append(PausedContainer(row["Id"], name, service, project, own_markers))

    return sorted(containers, key=lambda container: container.service)


def unpause(session: Session, paused: PausedContainer) -> bool:
    """Unpause a container and remove its markers; return False if it was no longer paused, or is gone."""
    with locked(session):  # no process of the workspace can pause it again in between
        was_paused = _unpause(session, paused.id)
        remove(session, *paused.markers)
    return was_paused


def end_pauses(session: Session, makers: Makers) -> list[str]:
    """End the pauses that cells of these makers have made; return the services that are unpaused.

    A container that another process holds paused, too, stays so. A pause without a marker, such as that of
    ``docker pause``, always stays.
    """
    services = []
    with locked(session):
        for paused in find_paused(session):
            is_held = any(not makers(marker.maker) for marker in paused.markers)
            if paused.markers and not is_held and _unpause(session, paused.id):
                services.append(paused.service)

        for marker in find(session):
            if marker.fault == CELL and makers(marker.maker):
                remove(session, marker)

    return services


def report_unpaused(service: str, report: Report) -> None:
    """Report that a paused container goes on, by a step that is done, so that the sentence stays on the screen."""
    report(Step(service, None, GOES_ON))
    report(Step(service, 1.0, GOES_ON, done=True))


def is_held(session: Session, marker: Marker) -> bool:
    """Return whether a marker is in force: it is another running process's, or a fault's of this process."""
    if session.made(marker.maker):
        return marker.fault != CELL
    return is_alive(marker.maker)


@contextlib.contextmanager
def marked(session: Session, container: Container) -> Iterator[None]:
    """Make a marker before the block, which pauses the container; remove it again if the block fails."""
    service = service_in(container.labels) or container.short_id
    with locked(session):
        marker = mark(session, CELL, container.id, service)
        try:
            yield
        except BaseException:
            remove(session, marker)
            raise


def unmark(session: Session, container: str) -> None:
    """Remove the markers of cells that have paused a container (its id), once it is unpaused."""
    remove(session, *_markers_of_cells(session, container))


def has_cell(session: Session, container: str) -> bool:
    """Return whether a cell of a running process has paused a container (its id)."""
    return any(is_alive(marker.maker) for marker in _markers_of_cells(session, container))


def _markers_of_cells(session: Session, container: str) -> list[Marker]:
    """Return the markers of cells that have paused a container."""
    return [marker for marker in find(session) if (marker.fault, marker.target) == (CELL, container)]


def _unpause(session: Session, container: str) -> bool:
    """Unpause a container; return False if it was not paused, or is gone."""
    try:
        session.engine.client.api.unpause(container)
    except APIError:
        return False
    return True


def _paused_rows(session: Session) -> list[dict[str, Any]]:
    """Return the engine's rows of the workspace's paused containers, without those of a process."""
    identity = session.identity
    rows_by_id = {}
    for label in (f"{SESSION}={identity.workspace_id}", f"{COMPOSE_PROJECT}={identity.service_project}"):
        for row in session.engine.client.api.containers(all=True, filters={"status": "paused", "label": label}):
            labels = row["Labels"]
            if session.owns(labels) and labels.get(SCOPE) != "kernel":
                rows_by_id[row["Id"]] = row
    return list(rows_by_id.values())
