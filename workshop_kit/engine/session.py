"""The handle that making and removing things needs: the engine, whose things they are, and where they are listed."""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Iterator
from dataclasses import dataclass, replace

from docker.errors import APIError

from workshop_kit.engine.labels import Identity, Scope
from workshop_kit.engine.ledger import Entry, Kind, Ledger
from workshop_kit.engine.reach import Engine

NONCE = "workshop.nonce"


@dataclass(frozen=True)
class Session:
    """One participant's workspace on one engine."""

    engine: Engine
    who: Identity
    ledger: Ledger

    @contextlib.contextmanager
    def making(self, kind: Kind, scope: Scope) -> Iterator[Making]:
        """Make one thing so that it cannot get lost: it is announced in the ledger before it exists.

        The announcement holds a random word that the new thing carries as a label; a program that dies between
        "created" and "written down" leaves the announcement, by which clean-up finds the thing.
        """
        nonce = secrets.token_hex(16)
        announced = Entry(kind, f"{NONCE}={nonce}", "", scope)
        self.ledger.add(announced)
        making = Making({**self.who.labels(scope), NONCE: nonce})
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
