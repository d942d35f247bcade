"""Records of a container's log in the bucket's format, and the interface of a log."""

import json
import re
import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

SERVICE_LABELS = ("com.docker.compose.service", "workshop.service")
ENVIRONMENT_LABEL = "workshop.environment"
DEFAULT_ENVIRONMENT = "workshop"
# How long, and how many, pieces of a line wait for its last piece.
HOLD_SECONDS = 2.0
HOLD_RECORDS = 1_000

Position = dict[str, Any]  # how far a log is collected, for its source to go on there; part of the checkpoint


@dataclass(frozen=True)
class Identity:
    """The container that records come from."""

    container: str
    environment: str
    service: str


@dataclass(frozen=True, slots=True)
class Record:
    """A record of a line or a piece of it: the engine cuts lines at 16 KiB; ``complete`` if it ends in a newline."""

    content: bytes
    part: str  # ENVIRONMENT~SERVICE~HOUR
    stream: str
    time: str
    complete: bool


class Log(ABC):
    """One container's log: the source adds records, and whole lines come out with the position behind them."""

    def __init__(self, identity: Identity, position: Position | None) -> None:
        self.identity = identity
        self.position = position or {"environment": identity.environment, "service": identity.service, "time": ""}
        self.drained = False  # the last look read everything
        self.ended = False  # the container is gone, and everything is read
        self._held: list[tuple[Record, Position]] = []
        self._whole = 0  # how many of those held are whole lines
        self._open: dict[str, float] = {}  # streams in the middle of a line, and since when
        self._gaps: list[Record] = []

    @abstractmethod
    def receive(self) -> bool:
        """Add new records; return whether the container is gone and no more can follow."""

    def read(self) -> list[Record]:
        """Return new whole records."""
        gone = self.receive()
        pieces = len(self._held) - self._whole
        if self._open and (pieces > HOLD_RECORDS or time.monotonic() - min(self._open.values()) > HOLD_SECONDS):
            self._whole = len(self._held)
            self._open = {}
        taken = self._held[: self._whole]
        self._held = self._held[self._whole :]
        self._whole = 0
        for record, place in taken:
            self.position |= {"time": record.time or self.position["time"], **place}
        self.ended = gone and self.drained and not self._held
        gaps = self._gaps
        self._gaps = []
        return [record for record, _ in taken] + gaps

    def add(self, record: Record, place: Position) -> None:
        """Add a record and the position behind it. It is held until its line is complete."""
        self._held.append((record, place))
        if record.complete:
            self._open.pop(record.stream, None)
        else:
            self._open.setdefault(record.stream, time.monotonic())
        if not self._open:
            self._whole = len(self._held)

    def add_gap(self, reason: str) -> None:
        """Add a GAP record: lines may be missing after the last one."""
        self._gaps.append(gap(self.identity, reason, self._held[-1][0].time if self._held else self.position["time"]))


def identify(container: str, name: str, labels: Mapping[str, str]) -> Identity:
    """Return a container's identity; the service is named by its labels, else by the container."""
    service = next((labels[key] for key in SERVICE_LABELS if labels.get(key)), name.lstrip("/"))
    environment = labels.get(ENVIRONMENT_LABEL) or DEFAULT_ENVIRONMENT
    return Identity(container, _folder_name(environment), _folder_name(service))


def parse(identity: Identity, line: bytes) -> Record:
    """Parse a line of the engine's json-file. An invalid one, as after a power cut, is kept unchanged."""
    try:
        fields = json.loads(line)
        return record(identity, fields["log"], fields["stream"], fields["time"])
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return Record(line + b"\n", _part(identity, datetime.now(UTC).isoformat()), "", "", complete=True)


def record(identity: Identity, text: str, stream: str, moment: str) -> Record:
    """Return the fields of a json-file's line with the container's attributes."""
    attrs = {"environment": identity.environment, "service": identity.service, "container": identity.container[:12]}
    fields = {"log": text, "stream": stream, "attrs": attrs, "time": moment}
    content = json.dumps(fields, ensure_ascii=False, separators=(",", ":")).encode(errors="replace") + b"\n"
    return Record(content, _part(identity, moment), stream, moment, text.endswith("\n"))


def gap(identity: Identity, reason: str, since: str = "") -> Record:
    """Return a GAP record: lines may be missing, since a time if it is known. It is logged on stdout, too."""
    fields = {"service": identity.service, "container": identity.container[:12], "reason": reason}
    text = say("error", "GAP", **fields, **{"from": since or None, "to": now()})
    return record(identity, text, "stdout", f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S.%f}000Z")


def say(level: str, msg: str, **fields: Any) -> str:
    """Write one JSON line about the collector itself to stdout, and return it."""
    line = json.dumps({"ts": now(), "level": level, "logger": "collector", "msg": msg, **fields}) + "\n"
    sys.stdout.write(line)
    sys.stdout.flush()
    return line


def now() -> str:
    """The time as the service writes it: UTC, in milliseconds."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def _part(identity: Identity, moment: str) -> str:
    datetime.fromisoformat(hour := moment[:13])  # a wrong one raises ValueError
    return f"{identity.environment}~{identity.service}~{hour}"


def _folder_name(name: str) -> str:
    """Turn a label, which may hold any text, into the name of a folder."""
    return re.sub(r"[^\w.-]", "_", name, flags=re.ASCII)[:64].strip(".") or "_"
