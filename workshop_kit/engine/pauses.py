"""The paused containers of a workspace, and the processes that hold them paused.

A process writes down which container it will pause, and removes the line once the container is unpaused. A process that
is killed in between leaves the line, whose maker is then dead. `Stack.up`, the next start of a lesson and the reaper
end such a pause. They leave a pause that a running process holds: it is an experiment.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from docker.errors import APIError
from pydantic import ConfigDict
from pydantic.dataclasses import dataclass as validated

from workshop_kit.engine.labels import COMPOSE_PROJECT, KIT, KIT_NAME, SCOPE, SESSION, service_in
from workshop_kit.engine.records import RecordFile
from workshop_kit.engine.session import Session, is_alive
from workshop_kit.reporting import Report, Step

GOES_ON = "was paused, and goes on"


@validated(frozen=True, config=ConfigDict(strict=True, extra="forbid"))
class Hold:
    """A container that a process holds paused: for a fault (its id), or "" for a call of ``pause`` in a cell."""

    container: str
    maker: str
    fault: str = ""


class Holds(RecordFile[Hold]):
    """The holds of one workspace, in a file beside its ledger."""

    def __init__(self, session: Session) -> None:
        super().__init__(session.ledger.path.with_name("pauses.jsonl"), Hold, "hold of a pause")

    def entries(self) -> list[Hold]:
        """Return the holds, oldest first; a line that is no hold is left out."""
        return self.read()[0]

    def add(self, hold: Hold) -> bool:
        """Write a hold down, before the container is paused; return False if it was written down already."""
        with self.locked():
            is_new = hold not in self.entries()
            if is_new:
                self.append(hold)
            return is_new

    def remove(self, container: str, fault: str = "") -> None:
        """Remove the holds of a container for this fault, or with "" those for no fault, once it is unpaused."""
        with self.locked():
            self.write(hold for hold in self.entries() if (hold.container, hold.fault) != (container, fault))


@dataclass(frozen=True)
class PausedContainer:
    """A paused container of the workspace, and its holds. ``service`` is its name if it is no service of a stack."""

    id: str
    name: str
    service: str
    project: str
    holds: tuple[Hold, ...] = ()

    @property
    def holder(self) -> Hold | None:
        """The hold of a process that still runs; None if none does."""
        return next((hold for hold in self.holds if is_alive(hold.maker)), None)

    @property
    def is_abandoned(self) -> bool:
        """Whether it has holds, and all their processes have ended."""
        return bool(self.holds) and self.holder is None

    @property
    def sentence(self) -> str:
        """What is paused, and by whom, in one sentence."""
        if self.holder is None:
            return f"{self.service} is paused: it answers nothing, and no running process holds it."

        process_id = _process_id(self.holder)
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
    holds = Holds(session).entries()
    containers = []

    for row in _paused_rows(session):
        labels = row["Labels"] or {}
        name = row["Names"][0].lstrip("/")
        service = service_in(labels) or name
        project = labels.get(COMPOSE_PROJECT, "")
        container_holds = tuple(hold for hold in holds if hold.container == row["Id"])
        containers.append(PausedContainer(row["Id"], name, service, project, container_holds))

    return sorted(containers, key=lambda container: container.service)


def unpause(session: Session, paused: PausedContainer) -> bool:
    """Unpause a container and remove its holds; return False if it was no longer paused, or is gone."""
    holds = Holds(session)
    with holds.locked():  # no process of the workspace can pause it again in between
        try:
            session.engine.client.api.unpause(paused.id)
            was_paused = True
        except APIError:
            was_paused = False
        holds.write(hold for hold in holds.entries() if hold.container != paused.id)

    return was_paused


def end_abandoned(session: Session, *, keep_in_use: bool = True) -> list[str]:
    """End the pauses that processes of this workspace have written down; return the services that are unpaused.

    With ``keep_in_use`` the pauses of other running processes stay, and those of this process's faults. A pause
    that is not written down, such as that of ``docker pause``, always stays.
    """
    if not Holds(session).entries():
        return []

    services = []
    for paused in find(session):
        if not paused.holds:
            continue
        if keep_in_use and any(is_held(session, hold) for hold in paused.holds):
            continue
        if unpause(session, paused):
            services.append(paused.service)

    return services


def report_unpaused(service: str, report: Report) -> None:
    """Report that a paused container goes on, by a step that is done, so that the sentence stays on the screen."""
    report(Step(service, None, GOES_ON))
    report(Step(service, 1.0, GOES_ON, done=True))


def is_held(session: Session, hold: Hold) -> bool:
    """Return whether a hold is in force: it is another running process's, or a fault's of this process."""
    if hold.maker == session.maker:
        return bool(hold.fault)
    return is_alive(hold.maker)


@contextlib.contextmanager
def record_hold(session: Session, hold: Hold) -> Iterator[None]:
    """Write a hold down before the block, which pauses the container; remove it again if the block fails."""
    holds = Holds(session)
    is_new = holds.add(hold)
    try:
        yield
    except BaseException:
        if is_new:
            holds.remove(hold.container, hold.fault)
        raise


def _paused_rows(session: Session) -> list[dict[str, Any]]:
    """Return the engine's rows of the workspace's paused containers.

    Containers of a process are left out, and those that were run by hand from an image of the kit, whose labels
    they have.
    """
    api = session.engine.client.api
    identity = session.identity
    kit_labels = [f"{KIT}={KIT_NAME}", f"{SESSION}={identity.workspace_id}"]
    folder_labels = [f"{COMPOSE_PROJECT}={identity.service_project}"]

    rows_by_id = {}
    for labels in (kit_labels, folder_labels):
        for row in api.containers(all=True, filters={"status": "paused", "label": labels}):
            row_labels = row["Labels"] or {}
            if row_labels.get(SCOPE) not in {"kernel", "machine"}:
                rows_by_id[row["Id"]] = row
    return list(rows_by_id.values())


def _process_id(hold: Hold) -> str:
    return hold.maker.partition("@")[0]
