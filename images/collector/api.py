"""Every log of one session by way of the engine's API: for engines whose files cannot be mounted.

The engine itself follows its files through rotations then, and does not say when it lost some.
"""

from __future__ import annotations

import http.client
import time
from collections.abc import Iterator
from typing import Any

from . import engine_api
from .batches import Batch, Position, with_gaps
from .folder import REMOVED
from .followed import Followed
from .gaps import Gap
from .records import Identity, identity
from .settings import SESSION_LABEL, Settings, is_for
from .words import say

LIST_SECONDS = 0.25


class Api:
    """Every log of one session, by way of the engine's socket."""

    name = "api"

    def __init__(self, told: Settings, positions: dict[str, Position]) -> None:
        self._told, self._socket, self._positions = told, told.source, positions
        self._followed: dict[str, Followed] = {}
        self._listed_at = 0.0
        self._away = False
        self._first = True

    @property
    def containers(self) -> int:
        """How many are followed."""
        return len(self._followed)

    @property
    def drained(self) -> bool:
        """Whether all that has come so far is taken."""
        return not self._away and all(one.drained for one in self._followed.values())

    def batches(self) -> Iterator[Batch]:
        """What is new in any of them."""
        if time.monotonic() - self._listed_at > LIST_SECONDS:
            yield from self._list()
        for name, one in list(self._followed.items()):
            if (batch := one.read()) is not None:
                yield batch
                if batch.ended:
                    del self._followed[name]

    def _list(self) -> Iterator[Batch]:
        self._listed_at = time.monotonic()
        try:
            listed = engine_api.containers(self._socket, self._told.session, SESSION_LABEL)
            there = {one["Id"]: one for one in listed if is_for(self._told, one["Labels"])}
            for name, one in there.items():
                self._follow(name, one)
        except (OSError, http.client.HTTPException, engine_api.Refused, ValueError) as error:
            if not self._away:
                say("error", "the engine does not answer", error=str(error))
            self._away = True
            return
        self._away = False
        for name in self._followed.keys() - there.keys():
            self._followed[name].gone = True
        if self._first:
            self._first = False
            yield from self._missed(set(there))

    def _follow(self, name: str, listed: dict[str, Any]) -> None:
        """Follow a container's log, from where we were, whenever it has been started since the last time."""
        if name not in self._followed:
            who = identity(name, (listed["Names"] or [""])[0], listed["Labels"])
            self._followed[name] = Followed(self._socket, who, self._positions.get(name))
        one = self._followed[name]
        if not one.running:
            started = engine_api.get(self._socket, f"/containers/{name}/json")["State"]["StartedAt"]
            one.follow(started)

    def _missed(self, there: set[str]) -> Iterator[Batch]:
        for name, position in self._positions.items():
            if name not in there:
                who = Identity(name, position["environment"], position["service"])
                yield Batch(who, with_gaps({}, [Gap(REMOVED, position["time"])], who), position, ended=True)
