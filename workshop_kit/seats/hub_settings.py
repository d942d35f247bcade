"""The settings of a room's hub: its seats with their codes and networks, in one file that only the owner may read."""

from __future__ import annotations

import secrets
from ipaddress import IPv4Network
from pathlib import Path
from typing import Self

from pydantic import BaseModel, ConfigDict, ValidationError

from workshop_kit.classroom.protocol import SYMBOLS
from workshop_kit.errors import NotReady, WrongUsage, first_problem
from workshop_kit.files import read_small, write_atomically
from workshop_kit.workspace.folder import HIDDEN, Workspace

FOLDER = "hub"
"""The folder below a workspace's hidden one with the hub's settings, database and log."""
FILE = "settings.json"
INSTRUCTOR = "instructor"
"""The user who sees all seats on the hub's page, and may open, start and stop them; with a seat of its own."""
NETWORKS = list(IPv4Network("10.214.0.0/20").subnets(new_prefix=28))
"""The first is the hub's; each seat has one of its own, since Docker's own ranges end after thirty networks."""
MOST_SEATS = len(NETWORKS) - 2


class HubSettings(BaseModel):
    """One hub: the ``id`` of its workspace, the ``image`` of its seats, and the code of each user, by name."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: str
    image: str
    codes: dict[str, str]

    @classmethod
    def read(cls, workspace: Workspace) -> Self:
        """Return the settings that `prepare` wrote. Raises NotReady without them."""
        file, advice = folder_of(workspace) / FILE, "Run ./workshop hub prepare SEATS."
        try:
            return cls.model_validate_json(read_small(file))
        except FileNotFoundError:
            raise NotReady("The hub is not prepared.", advice) from None
        except ValidationError as error:
            raise NotReady(f"{file} is not as it was written: {first_problem(error)}.", advice) from error

    @classmethod
    def prepare(cls, workspace: Workspace, seats: int, image: str) -> Self:
        """Write and return the settings for a number of seats; those that had a code keep it. Raises WrongUsage."""
        if not 1 <= seats <= MOST_SEATS:
            raise WrongUsage(f"{seats} is no number of seats.", f"Choose one from 1 to {MOST_SEATS}.")
        file = folder_of(workspace) / FILE
        before = cls.read(workspace).codes if file.exists() else {}
        names = [INSTRUCTOR, *(f"seat{number:02}" for number in range(1, seats + 1))]
        settings = cls(id=workspace.id, image=image, codes={name: before.get(name) or new_code() for name in names})
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
        """Return the networks by name: the hub's own, and one for each user."""
        users = zip(self.codes, NETWORKS[1:], strict=False)
        return {self.prefix: NETWORKS[0], **{f"{self.prefix}-{name}": network for name, network in users}}

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
