"""The seats of a room's hub: their codes, networks and volumes, and how many seats a machine carries."""

from __future__ import annotations

import contextlib
import secrets
import time
from ipaddress import IPv4Network
from pathlib import Path
from typing import Any, Self

from docker.errors import APIError
from docker.types import IPAMConfig, IPAMPool
from pydantic import BaseModel, ConfigDict, ValidationError

from workshop_kit.engine import images
from workshop_kit.engine.reach import Engine
from workshop_kit.errors import NotReady, WorkshopError, WrongUsage, first_problem
from workshop_kit.files import read_small, write_atomically
from workshop_kit.host import GIB, usable_bytes
from workshop_kit.patience import patient
from workshop_kit.reporting import Report, Step, silent
from workshop_kit.workspace.folder import HIDDEN, Workspace

SYMBOLS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
"""The letters and digits of a seat's code, without I, L, O and U, which look like others."""
FOLDER = "hub"
"""The folder below a workspace's hidden one with the hub's settings, database and log."""
FILE = "settings.json"
INSTRUCTOR = "instructor"
"""The user who sees all seats on the hub's page, and may open, start and stop them; with a seat of its own."""
NETWORKS = list(IPv4Network("10.214.0.0/20").subnets(new_prefix=28))
"""The first is the hub's; each seat has one of its own, since Docker's own ranges end after thirty networks."""
MOST_SEATS = len(NETWORKS) - 2
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


class HubSettings(BaseModel):
    """One hub, in a file that only the owner may read: the ``id`` of its workspace, the ``image`` of its seats, and
    the code of each user, by name."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: str
    image: str
    codes: dict[str, str]

    @classmethod
    def read(cls, workspace: Workspace) -> Self:
        """Return the settings that `prepare` wrote. Raises NotReady without them."""
        file = folder_of(workspace) / FILE
        advice = "Run ./workshop hub prepare SEATS."
        try:
            return cls.model_validate_json(read_small(file))
        except FileNotFoundError:
            raise NotReady("The hub is not prepared.", advice) from None
        except ValidationError as error:
            raise NotReady(f"{file} is not as it was written: {first_problem(error)}.", advice) from error

    @classmethod
    def prepare(cls, workspace: Workspace, seats: int, image: str) -> Self:
        """Write and return the settings for a number of seats; users who have a code keep it. Raises WrongUsage."""
        if not 1 <= seats <= MOST_SEATS:
            raise WrongUsage(f"{seats} is no number of seats.", f"Choose one from 1 to {MOST_SEATS}.")

        file = folder_of(workspace) / FILE
        former_codes: dict[str, str] = {}
        if file.exists():
            former_codes = cls.read(workspace).codes

        names = [INSTRUCTOR, *(f"seat{number:02}" for number in range(1, seats + 1))]
        codes = {name: former_codes.get(name) or new_code() for name in names}
        settings = cls(id=workspace.id, image=image, codes=codes)
        write_atomically(file, settings.model_dump_json(indent=1).encode(), mode=0o600)
        return settings

    @property
    def seats(self) -> list[str]:
        """The names of the participants' seats."""
        return [name for name in self.codes if name != INSTRUCTOR]

    @property
    def prefix(self) -> str:
        """The beginning of the names of its containers, networks and volumes."""
        return f"workshop-hub-{self.id}"

    @property
    def address(self) -> str:
        """The address on which the hub listens for its seats: that of this machine in the hub's own network."""
        return str(NETWORKS[0][1])

    def networks(self) -> dict[str, IPv4Network]:
        """Return the address ranges of the networks by name: the hub's own, and one for each user."""
        hub_range, *seat_ranges = NETWORKS
        networks = {self.prefix: hub_range}
        for name, seat_range in zip(self.codes, seat_ranges, strict=False):
            networks[f"{self.prefix}-{name}"] = seat_range
        return networks

    def volumes(self) -> list[str]:
        """Return the names of the volumes: engine and work of each user."""
        return [f"{self.prefix}-{name}-{kind}" for name in self.codes for kind in ("engine", "work")]


def folder_of(workspace: Workspace) -> Path:
    """Return the folder of the hub that a workspace has prepared."""
    return workspace.folder / HIDDEN / FOLDER


def new_code() -> str:
    """Return a random code of 40 bits that can be read aloud: ``7K2M-Q9FD``."""
    symbols = "".join(secrets.choice(SYMBOLS) for _ in range(8))
    return f"{symbols[:4]}-{symbols[4:]}"


def capacity(memory_bytes: int, disk_bytes: int | None) -> tuple[int, str]:
    """Return how many seats fit in memory and free disk (None: not known), and a sentence that says so.

    >>> capacity(24 * GIB, 60_000_000_000)
    (11, 'This machine carries 11 seats: it has 24.0 GiB of memory, 60 GB of free disk.')
    """
    seats = max((memory_bytes - RESERVED_BYTES) // SEAT_BYTES, 0)
    disk_text = ""
    if disk_bytes is not None:
        seats = min(seats, disk_bytes // SEAT_DISK_BYTES)
        disk_text = f", {disk_bytes / 1e9:.0f} GB of free disk"

    sentence = f"This machine carries {seats} seats: it has {memory_bytes / GIB:.1f} GiB of memory{disk_text}."
    return seats, sentence


def capacity_of_machine(engine: Engine) -> tuple[int, str]:
    """Return the `capacity` of this machine, by its memory and the disk on which its engine stores volumes."""
    return capacity(usable_bytes(), images.free_bytes(engine))


def create(client: Any, settings: HubSettings) -> None:
    """Make the networks and volumes that are missing.

    Each seat has a network of its own: the engine lets no packet through from one to another.
    Raises WorkshopError with the engine's reason, such as a range of addresses that is taken.
    """
    labels = {LABEL: settings.id}
    existing_names = {network.name for network in _list_resources(client.networks, settings)}

    try:
        for name, subnet in settings.networks().items():
            if name not in existing_names:
                pool = IPAMPool(subnet=str(subnet), gateway=str(subnet[1]))
                addresses = IPAMConfig(pool_configs=[pool])
                client.networks.create(name, driver="bridge", ipam=addresses, labels=labels)
        for name in settings.volumes():
            client.volumes.create(name, labels=labels)  # one that exists stays as it is
    except APIError as error:
        raise WorkshopError(
            f"The engine made not all networks and volumes of the seats: {error.explanation}.",
            "Run ./workshop hub end, solve what the engine says, and start the hub again.",
        ) from error


def remove(client: Any, settings: HubSettings, *, volumes: bool, report: Report = silent) -> dict[str, int]:
    """Remove the hub's containers and networks, and with ``volumes`` also its volumes; return how many of each kind."""
    counts = {"container": _remove_containers(client, settings, report)}
    collections = {"network": client.networks}
    if volumes:
        collections["volume"] = client.volumes

    for kind, collection in collections.items():
        resources = _list_resources(collection, settings)
        for resource in resources:
            report(Step(TASK, None, f"removing the {kind} {resource.name}"))
            resource.remove()
        counts[kind] = len(resources)

    report(Step(TASK, 1.0, done=True))
    return counts


def _remove_containers(client: Any, settings: HubSettings, report: Report) -> int:
    """Remove the containers and wait until the last one is gone; return how many there were.

    Raises WorkshopError if the engine does not remove them in time.
    """
    containers = _list_resources(client.containers, settings, all=True, ignore_removed=True)
    for container in containers:
        report(Step(TASK, None, f"removing the container {container.name}"))
        with contextlib.suppress(APIError):  # the engine refuses while it is removing it anyway
            container.remove(force=True, v=True)

    began = time.monotonic()
    while _list_resources(client.containers, settings, all=True, ignore_removed=True):
        if time.monotonic() - began > patient(GONE_SECONDS):
            raise WorkshopError("The engine does not remove the seats.", "Restart it, then run ./workshop hub end.")
        time.sleep(0.1)
    return len(containers)


def _list_resources(collection: Any, settings: HubSettings, **options: bool) -> list[Any]:
    """Return the hub's containers, networks or volumes: those of a collection of the engine that have its label."""
    return list(collection.list(filters={"label": f"{LABEL}={settings.id}"}, **options))
