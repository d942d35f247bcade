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

from docker.errors import APIError, ImageNotFound
from docker.models.containers import Container
from filelock import FileLock

from workshop_kit.engine.labels import COLLECT, MAKER, SESSION, service_in
from workshop_kit.engine.recipes import PYTHON_ALIAS
from workshop_kit.engine.session import Session, is_alive
from workshop_kit.errors import WorkshopError

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
