"""The containers that this workspace has paused: who holds them, and how the pauses of dead processes end."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from docker.errors import APIError

from workshop_kit.engine import markers
from workshop_kit.engine.labels import COMPOSE_PROJECT, SCOPE, SESSION, service_in
from workshop_kit.engine.markers import CELL, Marker
from workshop_kit.engine.session import MakerTest, Session, is_alive
from workshop_kit.reporting import Report, Step

GOES_ON = "was paused, and goes on"


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


def find(session: Session) -> list[PausedContainer]:
    """Return the paused containers of this workspace: its stack's, its folder's, and the participant's own.

    A container of the scope ``kernel`` is left out: it belongs to a process, and is removed with it.
    """
    pausing_markers = [marker for marker in markers.find(session) if marker.pauses]
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
    with markers.locked(session):  # no process of the workspace can pause it again in between
        was_paused = _unpause(session, paused.id)
        markers.remove(session, *paused.markers)
    return was_paused


def end_pauses(session: Session, is_chosen: MakerTest) -> list[str]:
    """End the pauses that cells of the chosen makers have made; return the services that are unpaused.

    A container that another process holds paused, too, stays so. A pause without a marker, such as that of
    ``docker pause``, always stays.
    """
    services = []
    with markers.locked(session):
        for paused in find(session):
            is_held = any(not is_chosen(marker.maker) for marker in paused.markers)
            if paused.markers and not is_held and _unpause(session, paused.id):
                services.append(paused.service)

        for marker in markers.find(session):
            if marker.fault == CELL and is_chosen(marker.maker):
                markers.remove(session, marker)

    return services


def report_unpaused(service: str, report: Report) -> None:
    """Report that a paused container goes on, by a step that is done, so that the sentence stays on the screen."""
    report(Step(service, None, GOES_ON))
    report(Step(service, 1.0, GOES_ON, done=True))


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
