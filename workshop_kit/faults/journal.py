"""The journal of faults: a line of JSON for each active fault, on disk before it is injected, removed once reverted.

A process that dies leaves its lines behind: the next lesson's start, ``down`` or the reaper reverts those faults.
The newest reverted faults stand in a second file, for the bands of charts.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

from filelock import FileLock
from pydantic import AwareDatetime, BaseModel, ConfigDict, TypeAdapter, ValidationError, model_validator
from pydantic.dataclasses import dataclass
from pydantic_core import to_json

from workshop_kit.engine.session import Session
from workshop_kit.errors import WorkshopError
from workshop_kit.faults.catalog import named

PAST_KEPT = 200
LIMITS = ("Memory", "MemorySwap", "NanoCpus")


class _Line(BaseModel):
    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")


class Endpoint(_Line):
    """What the engine needs to connect a container to a network again, in the engine's own names."""

    Aliases: list[str]
    Links: Any = None
    IPAMConfig: Any = None
    DriverOpts: Any = None


class Snapshot(_Line):
    """What faults change of a container: its endpoints by network, and its limits by the engine's names."""

    networks: dict[str, Endpoint]
    limits: dict[str, int]


def snapshot(container: Any) -> Snapshot:
    """Return the container's networks and limits, as they are in its attributes."""
    attributes = container.attrs
    networks = {
        network: Endpoint(
            # Engines before 25 list the short id here, which every endpoint gets by itself.
            Aliases=[alias for alias in endpoint["Aliases"] or [] if alias != container.id[:12]],
            **{key: endpoint.get(key) for key in ("Links", "IPAMConfig", "DriverOpts")},
        )
        for network, endpoint in attributes["NetworkSettings"]["Networks"].items()
    }
    return Snapshot(networks=networks, limits={key: attributes["HostConfig"][key] for key in LIMITS})


class ActiveFault(_Line):
    """A fault that is in force.

    ``container`` is the target's full id, ``name`` what people call it, ``before`` the target before its first fault.
    ``maker`` is the process that will revert the fault, ``proxy`` the id of the proxy container, if there is one.
    """

    id: str
    fault: str
    parameters: dict[str, Any]
    container: str
    name: str
    before: Snapshot
    maker: str
    since: AwareDatetime
    proxy: str = ""

    @model_validator(mode="after")
    def _is_in_the_catalog(self) -> ActiveFault:
        try:
            named(self.fault).complete(self.parameters)
        except WorkshopError as error:
            raise ValueError(error.what) from error
        return self


@dataclass
class InjectedFault:
    """A fault as it happened, with its id in the journal; ``ended`` (UTC) is None while it is in force."""

    fault: str
    target: str
    parameters: dict[str, Any]
    started: datetime
    ended: datetime | None = None
    id: str = ""

    def __str__(self) -> str:
        until = f" until {self.ended:%H:%M:%S}" if self.ended else ""
        details = "".join(f", {name} {value}" for name, value in self.parameters.items() if value is not None)
        return f"{self.fault} of {self.target}{details}, from {self.started:%H:%M:%S}{until} UTC"


Line = TypeVar("Line", ActiveFault, InjectedFault)


class Journal:
    """The active faults of one workspace, in a file of JSON lines beside its ledger."""

    def __init__(self, session: Session) -> None:
        self.path = session.ledger.path.with_name("faults.jsonl")
        self.past_path = self.path.with_name("faults-past.jsonl")

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the lock under which one process at a time injects or reverts; a dead process does not keep it."""
        lock = FileLock(self.path.with_suffix(".lock"))
        with self._explained():
            self.path.parent.mkdir(parents=True, exist_ok=True)
            lock.acquire()
        try:
            yield
        finally:
            lock.release()

    def read(self) -> tuple[list[ActiveFault], list[str]]:
        """Return the active faults, oldest first, and a sentence for each line that is none."""
        return self._read(self.path, ActiveFault)

    def entries(self) -> list[ActiveFault]:
        """Return the active faults, oldest first."""
        return self.read()[0]

    def past(self) -> list[InjectedFault]:
        """Return the newest faults that are over, by their end, oldest first."""
        return self._read(self.past_path, InjectedFault)[0]

    def add(self, active: ActiveFault) -> None:
        """Write a fault to disk. Raises WorkshopError, for example on a full disk."""
        self._write(self.path, [*self.entries(), active])

    def set_proxy(self, active: ActiveFault, proxy: str) -> None:
        """Write down which container takes the target's place."""
        changed = [one.model_copy(update={"proxy": proxy}) if one.id == active.id else one for one in self.entries()]
        self._write(self.path, changed)

    def remove(self, active: ActiveFault) -> None:
        """Move a reverted fault to the past ones."""
        over = InjectedFault(active.fault, active.name, active.parameters, active.since, datetime.now(UTC))
        self._write(self.past_path, [*self.past(), over][-PAST_KEPT:])
        self._write(self.path, [one for one in self.entries() if one.id != active.id])

    def remove_unreadable(self) -> None:
        """Remove the lines that are no faults."""
        with self.locked():
            self._write(self.path, self.entries())

    def _read(self, path: Path, kind: type[Line]) -> tuple[list[Line], list[str]]:
        adapter = TypeAdapter(kind)
        with self._explained():
            lines = path.read_text(encoding="utf-8", errors="replace").split("\n") if path.exists() else []
        found, problems = [], []
        for number, line in enumerate(lines, 1):
            try:
                if line.strip():
                    found.append(adapter.validate_json(line))
            except ValidationError as error:
                problems.append(f"Line {number} of {path} is no fault: {_first_problem(error)}.")
        return found, problems

    def _write(self, path: Path, lines: Sequence[ActiveFault | InjectedFault]) -> None:
        with self._explained():
            fresh = path.with_suffix(".new")
            with fresh.open("w", encoding="utf-8") as file:
                file.writelines(to_json(line).decode() + "\n" for line in lines)
                file.flush()
                os.fsync(file.fileno())
            fresh.replace(path)

    @contextlib.contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise WorkshopError(
                f"The journal of faults ({self.path}) cannot be kept: {error.strerror}.",
                "Free some space or correct the folder's permissions, then try again.",
            ) from error


def _first_problem(error: ValidationError) -> str:
    first = error.errors(include_url=False, include_input=False)[0]
    where = ".".join(map(str, first["loc"]))
    return f"{where}: {first['msg'].removeprefix('Value error, ')}".removeprefix(": ").rstrip(".")
