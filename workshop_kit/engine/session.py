"""The handle that making and removing things needs: the engine, whose things they are, and where they are listed."""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import psutil
from docker.errors import APIError

from workshop_kit.engine.labels import Identity, Scope
from workshop_kit.engine.ledger import Entry, Kind, Ledger
from workshop_kit.engine.reach import Engine

NONCE = "workshop.nonce"
MAKER = "workshop.maker"


def this_process() -> str:
    """A name for the running process that no later one has: its pid and the time it started."""
    return f"{os.getpid()}@{psutil.Process().create_time():.2f}"


def is_alive(maker: str) -> bool:
    """Whether the process of that name still runs on this machine."""
    pid, _, started = maker.partition("@")
    try:
        return f"{psutil.Process(int(pid)).create_time():.2f}" == started
    except (ValueError, psutil.Error):
        return False


@dataclass(frozen=True)
class Session:
    """One participant's workspace on one engine; ``maker`` is the process (a kernel, say) that makes things."""

    engine: Engine
    who: Identity
    ledger: Ledger
    maker: str = field(default_factory=this_process)

    @contextlib.contextmanager
    def making(self, kind: Kind, scope: Scope) -> Iterator[Making]:
        """Make one thing so that it cannot get lost: it is announced in the ledger before it exists.

        The announcement holds a random word that the new thing carries as a label; a program that dies between
        "created" and "written down" leaves the announcement, by which clean-up finds the thing.
        """
        nonce = secrets.token_hex(16)
        announced = Entry(kind, f"{NONCE}={nonce}", "", scope)
        self.ledger.add(announced)
        making = Making({**self.who.labels(scope), NONCE: nonce, MAKER: self.maker})
        try:
            yield making
        except APIError:  # the engine answered "no": there is nothing to find (any other end may have made it)
            self.ledger.strike(announced)
            raise
        self.ledger.add(replace(announced, id=making.id, name=making.name))
        self.ledger.strike(announced)


@dataclass
class Making:
    """What the maker fills in: the labels are given, the engine's id and the name come back."""

    labels: dict[str, str]
    id: str = ""
    name: str = ""
