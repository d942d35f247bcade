"""The session: the engine, the workspace's identity and its folder, with which things are made and removed."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from workshop_kit.engine.labels import (
    COMPOSE_FOLDER,
    COMPOSE_PROJECT,
    IMAGE_MAKER,
    IMAGE_SCOPE,
    IMAGE_SESSION,
    MAKER,
    SCOPE,
    SESSION,
    Identity,
    Scope,
)
from workshop_kit.engine.reach import Engine

MakerTest = Callable[[str], bool]
"""Says of a maker (the label MAKER, or "" without one) whether what it made is to be removed or undone."""
GivenLabels = Mapping[str, str] | Sequence[str] | None
"""The SDK's argument ``labels``: it may be a list of names, whose values are then ""."""


def this_process() -> str:
    """Return a name for the running process that no later one has: its pid and the time it started."""
    return f"{os.getpid()}@{_start_time(os.getpid())}"


def is_alive(maker: str) -> bool:
    """Return whether the process of that name still runs on this machine; a zombie does not."""
    pid, _, start_time = maker.partition("@")
    try:
        return _start_time(int(pid)) == start_time
    except (ValueError, psutil.Error):
        return False


def is_dead(maker: str) -> bool:
    """Return whether no process of that name runs on this machine."""
    return not is_alive(maker)


def everyone(_maker: str) -> bool:
    """Return True, for each maker."""
    return True


def _start_time(pid: int) -> str:
    """Return the seconds at which a process started: on Linux since boot, so that setting the clock changes nothing.

    Raises psutil.Error for a process that is gone or a zombie.
    """
    process = psutil.Process(pid)
    if process.status() in {psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD}:
        raise psutil.NoSuchProcess(pid)

    origin_seconds = psutil.boot_time() if psutil.LINUX else 0.0
    return f"{process.create_time() - origin_seconds:.2f}"


def _by_name(labels: GivenLabels) -> dict[str, str]:
    return dict(labels) if isinstance(labels, Mapping) else dict.fromkeys(labels or (), "")


@dataclass(frozen=True)
class Session:
    """One workspace on one engine; ``maker`` names the process (a kernel, say) that makes things.

    ``folder`` is the kit's hidden folder in the workspace. A thing gets its labels when it is created: they alone say
    whose it is.
    """

    engine: Engine
    identity: Identity
    folder: Path
    maker: str = field(default_factory=this_process)

    def labels(self, scope: Scope, given: GivenLabels = None) -> dict[str, str]:
        """Return the labels for one new container, network or volume: the ``given`` ones, and the kit's, which win."""
        own_labels = {SESSION: self.identity.workspace_id, SCOPE: scope, MAKER: self.maker}
        return {**_by_name(given), **own_labels}

    def image_labels(self, scope: Scope, given: GivenLabels = None) -> dict[str, str]:
        """Return the labels for one new image, as `labels` does; an image of the machine is no workspace's.

        An image that outlives its maker does not name it: an unchanged image would get a new id in each process.
        """
        labels = {**_by_name(given), IMAGE_SCOPE: scope}
        if scope != "machine":
            labels[IMAGE_SESSION] = self.identity.workspace_id
        if scope == "kernel":
            labels[IMAGE_MAKER] = self.maker
        return labels

    def owns(self, labels: Mapping[str, str] | None) -> bool:
        """Return whether a container with these labels is this workspace's: made by the kit, or in ``my_service``.

        Compose sets no label of the kit in ``my_service``. Its project's name alone proves nothing, since an image
        passes it on: the folder must be the workspace's, too.
        """
        labels = labels or {}
        if labels.get(SESSION) == self.identity.workspace_id:
            return True

        folder = labels.get(COMPOSE_FOLDER, "")
        is_project = labels.get(COMPOSE_PROJECT) == self.identity.service_project
        return is_project and Path(folder).resolve() == self.folder.resolve().parent / "my_service"

    def made(self, maker: str) -> bool:
        """Return whether this session's process is that maker."""
        return maker == self.maker

    def made_or_dead(self, maker: str) -> bool:
        """Return whether this session's process is that maker, or no such process runs."""
        return self.made(maker) or is_dead(maker)
