"""The networks, volumes and containers of a hub's seats in the engine: make the first two, and remove them all."""

from __future__ import annotations

import contextlib
import time
from typing import Any

from docker.errors import APIError
from docker.types import IPAMConfig, IPAMPool

from workshop_kit.errors import WorkshopError
from workshop_kit.progress import Report, Step, silent
from workshop_kit.seats.hub_settings import HubSettings

LABEL = "workshop.hub"
"""The label of everything that is made for a hub, with its id."""
GONE_SECONDS = 60.0
TASK = "Seats"


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
    found = _containers(client, settings)
    for one in found:
        report(Step(TASK, None, f"removing the container {one.name}"))
        with contextlib.suppress(APIError):  # the engine refuses while it is removing it anyway
            one.remove(force=True, v=True)
    deadline = time.monotonic() + GONE_SECONDS
    while _containers(client, settings):
        if time.monotonic() > deadline:
            raise WorkshopError("The engine does not remove the seats.", "Restart it, then run ./workshop hub end.")
        time.sleep(0.1)
    return len(found)


def _containers(client: Any, settings: HubSettings) -> list[Any]:
    return list(client.containers.list(all=True, filters=_filters(settings), ignore_removed=True))


def _labeled(collection: Any, settings: HubSettings) -> list[Any]:
    return list(collection.list(filters=_filters(settings)))


def _filters(settings: HubSettings) -> dict[str, str]:
    return {"label": f"{LABEL}={settings.id}"}
