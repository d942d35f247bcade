"""What the seats of a hub take: memory and disk of the machine; networks, volumes and containers of the engine."""

from __future__ import annotations

import contextlib
import time
from dataclasses import dataclass
from typing import Any

from docker.errors import APIError
from docker.types import IPAMConfig, IPAMPool

from workshop_kit.bootstrap import memory
from workshop_kit.bootstrap.memory import GIB
from workshop_kit.engine import images
from workshop_kit.engine.reach import Engine
from workshop_kit.errors import WorkshopError
from workshop_kit.progress import Report, Step, silent
from workshop_kit.seats.hub_settings import HubSettings

SEAT_BYTES = 2 * GIB
"""The memory to plan for one seat; with the lessons' containers it has about 530 MiB, and at most `LIMIT_BYTES`."""
LIMIT_BYTES = 4 * GIB
SEAT_DISK_BYTES = 2_000_000_000
"""The disk to plan for one seat: 0.9 GB for the workshop's images on its own engine, and what is built there."""
RESERVED_BYTES = 2 * GIB
"""The memory of the machine's own system, its engine and the hub."""
LABEL = "workshop.hub"
"""The label of everything that is made for a hub, with its id."""
GONE_SECONDS = 60.0
TASK = "Seats"


@dataclass(frozen=True)
class Capacity:
    """A machine's memory, and the free bytes where its engine stores volumes; None where they are not known."""

    memory_bytes: int
    disk_bytes: int | None

    @property
    def by_memory(self) -> int:
        """The seats that the memory is enough for."""
        return max((self.memory_bytes - RESERVED_BYTES) // SEAT_BYTES, 0)

    @property
    def by_disk(self) -> int | None:
        """The seats that the free disk is enough for."""
        return None if self.disk_bytes is None else self.disk_bytes // SEAT_DISK_BYTES

    @property
    def seats(self) -> int:
        """The seats that both are enough for."""
        return min([self.by_memory, *([] if self.by_disk is None else [self.by_disk])])

    def __str__(self) -> str:
        """Return a sentence with the number and where it comes from.

        >>> str(Capacity(24 * GIB, 60_000_000_000))
        'This machine carries 11 seats: 24.0 GiB of memory are enough for 11, 60 GB of free disk for 30.'
        """
        said = f"{self.memory_bytes / GIB:.1f} GiB of memory are enough for {self.by_memory}"
        if self.disk_bytes is not None:
            said += f", {self.disk_bytes / 1e9:.0f} GB of free disk for {self.by_disk}"
        return f"This machine carries {self.seats} seats: {said}."


def capacity_of_machine(engine: Engine) -> Capacity:
    """Return the capacity of this machine with its engine."""
    return Capacity(memory.usable_bytes(), images.free_bytes(engine))


def create(client: Any, settings: HubSettings) -> None:
    """Make the networks and volumes that are missing.

    Each seat has a network of its own: the engine lets no packet through from one to another.
    Raises WorkshopError with the engine's reason, such as a range of addresses that is taken.
    """
    labels = {LABEL: settings.id}
    there = {network.name for network in _labeled(client.networks, settings)}
    try:
        for name, subnet in settings.networks().items():
            if name not in there:
                pool = IPAMPool(subnet=str(subnet), gateway=str(subnet[1]))
                client.networks.create(name, driver="bridge", ipam=IPAMConfig(pool_configs=[pool]), labels=labels)
        for name in settings.volumes():
            client.volumes.create(name, labels=labels)  # one that exists stays as it is
    except APIError as refused:
        raise WorkshopError(
            f"The engine made not all networks and volumes of the seats: {refused.explanation}.",
            "Run ./workshop hub end, solve what the engine says, and start the hub again.",
        ) from refused


def remove(client: Any, settings: HubSettings, *, volumes: bool, report: Report = silent) -> dict[str, int]:
    """Remove the hub's containers and networks, with ``volumes`` its volumes, too; return how many of each."""
    counts = {"container": _remove_containers(client, settings, report)}
    for kind, collection in {"network": client.networks, **({"volume": client.volumes} if volumes else {})}.items():
        found = _labeled(collection, settings)
        for one in found:
            report(Step(TASK, None, f"removing the {kind} {one.name}"))
            one.remove()
        counts[kind] = len(found)
    report(Step(TASK, 1.0, done=True))
    return counts


def _remove_containers(client: Any, settings: HubSettings, report: Report) -> int:
    """Kill the containers, which remove themselves then, and wait until the last one is gone."""
    found = _labeled(client.containers, settings, all=True, ignore_removed=True)
    for one in found:
        report(Step(TASK, None, f"removing the container {one.name}"))
        with contextlib.suppress(APIError):  # the engine refuses while it is removing it anyway
            one.remove(force=True, v=True)
    deadline = time.monotonic() + GONE_SECONDS
    while _labeled(client.containers, settings, all=True, ignore_removed=True):
        if time.monotonic() > deadline:
            raise WorkshopError("The engine does not remove the seats.", "Restart it, then run ./workshop hub end.")
        time.sleep(0.1)
    return len(found)


def _labeled(collection: Any, settings: HubSettings, **options: bool) -> list[Any]:
    return list(collection.list(filters={"label": f"{LABEL}={settings.id}"}, **options))
