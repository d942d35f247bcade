"""The engine's folder of containers: which of them are of this session, and their logs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from .batches import Batch, Position, with_gaps
from .gaps import Gap
from .records import Identity, identity
from .settings import Settings, is_for
from .tail import Tail
from .words import say

REMOVED = "the container was removed while the collector was away"
DEFAULT_MAX_FILES = 1


class Folder:
    """Every log of one session, by way of the files."""

    name = "files"

    def __init__(self, told: Settings, positions: dict[str, Position]) -> None:
        self._told, self._root, self._positions = told, told.source, positions
        self._tails: dict[str, Tail] = {}
        self._others: set[str] = set()
        self._first = True

    @property
    def containers(self) -> int:
        """How many are followed."""
        return len(self._tails)

    @property
    def drained(self) -> bool:
        """Whether the last look read every log to its end."""
        return all(tail.drained for tail in self._tails.values())

    def batches(self) -> Iterator[Batch]:
        """What is new in any of them."""
        there = {path.name for path in self._root.iterdir()}
        self._others &= there
        for name in there - self._others - self._tails.keys():
            self._meet(name)
        if self._first:
            yield from self._missed(there)
        for name, tail in list(self._tails.items()):
            if (batch := tail.read()) is not None:
                yield batch
                if batch.ended:
                    self._tails.pop(name).close()

    def _meet(self, name: str) -> None:
        """Follow a container if it is ours; one whose configuration is not there yet is met at the next look."""
        try:
            config = json.loads((self._root / name / "config.v2.json").read_bytes())
            host = json.loads((self._root / name / "hostconfig.json").read_bytes())
            labels = config["Config"]["Labels"] or {}
            log = host["LogConfig"]
        except (OSError, ValueError, KeyError, TypeError):
            return
        if not is_for(self._told, labels):
            self._others.add(name)
            return
        who = identity(name, config.get("Name", ""), labels)
        if log.get("Type") != "json-file":
            say("warning", "not collected: its log driver keeps no files", service=who.service, driver=log.get("Type"))
            self._others.add(name)
            return
        self._tails[name] = Tail(self._root / name, who, self._positions.get(name), _max_files(log))

    def _missed(self, there: set[str]) -> Iterator[Batch]:
        """At the first look: containers that the checkpoint knows, and that are gone."""
        self._first = False
        for name, position in self._positions.items():
            if name not in there:
                who = Identity(name, position["environment"], position["service"])
                gap = Gap(REMOVED, position["time"])
                yield Batch(who, with_gaps({}, [gap], who), position, ended=True)


def _max_files(log: dict[str, Any]) -> int:
    try:
        return int((log.get("Config") or {}).get("max-file", DEFAULT_MAX_FILES))
    except ValueError:
        return DEFAULT_MAX_FILES
