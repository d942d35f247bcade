"""A line of the engine's json-file, made into the line that is collected: the same, with whose it is.

Nothing is parsed. In JSON every quote inside a string has a backslash before it, so ``,"time":"`` and its like can be
nothing but structure, and the pieces between them are taken over byte by byte.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

from .settings import DEFAULT_ENVIRONMENT, ENVIRONMENT_LABEL, SERVICE_LABELS

TIME, STREAM = b',"time":"', b'","stream":"'
STREAMS = (b'stdout"', b'stderr"')
PIECE_BYTES = 16 * 1024
"""The engine cuts longer lines into pieces of this size; only the last piece ends in a newline."""


@dataclass(frozen=True)
class Identity:
    """Whose lines these are."""

    container: str
    environment: str
    service: str

    @property
    def place(self) -> str:
        """Where its lines go, without the hour."""
        return f"{self.environment}~{self.service}"

    @property
    def attributes(self) -> bytes:
        """What every line of it carries."""
        values = {"environment": self.environment, "service": self.service, "container": self.container[:12]}
        return json.dumps(values).encode()


@dataclass(frozen=True, slots=True)
class Cut:
    """One record: its hour (``2026-11-24T22``), its text, its stream, and whether its line goes on in the next one."""

    hour: str
    text: bytes
    stream: bytes
    open: bool


def identity(container: str, name: str, labels: dict[str, str]) -> Identity:
    """Who a container is: the service that its labels name, else its own name."""
    service = next((labels[key] for key in SERVICE_LABELS if labels.get(key)), name.lstrip("/"))
    return Identity(container, _safe(labels.get(ENVIRONMENT_LABEL) or DEFAULT_ENVIRONMENT), _safe(service))


def cut(line: bytes, attributes: bytes) -> Cut | None:
    """Put a container's attributes into its line (without its newline); None for what is no record of the engine's."""
    time_at = line.rfind(TIME)
    stream_at = line.rfind(STREAM, 0, time_at) if time_at > 0 else -1
    stream = line[stream_at + 12 : stream_at + 19]
    if stream_at < 0 or stream not in STREAMS or line[-2:] != b'"}' or line[:8] != b'{"log":"':
        return None
    hour = line[time_at + 9 : time_at + 22]
    if len(hour) != 13 or hour[10:11] != b"T":
        return None
    text = b"".join((line[: stream_at + 19], b',"attrs":', attributes, line[time_at:], b"\n"))
    return Cut(hour.decode("ascii", "replace"), text, stream, not _ends(line, stream_at))


def moment(record: bytes) -> str:
    """The time of a record as the engine wrote it; empty if there is none."""
    at = record.rfind(TIME)
    return record[at + 9 : record.find(b'"', at + 9)].decode("ascii", "replace") if at >= 0 else ""


def made(text: str, stream: str, time: str) -> bytes:
    """A record as the engine writes it, for what did not come out of one of its files."""
    return json.dumps({"log": text, "stream": stream, "time": time}, separators=(",", ":")).encode() + b"\n"


def _ends(line: bytes, end: int) -> bool:
    """Whether the text that ends here ends in a newline: ``\\n`` is one, ``\\\\n`` a backslash and an n."""
    if line[end - 2 : end] != b"\\n":
        return False
    at = end - 2
    while line[at - 1 : at] == b"\\":
        at -= 1
    return (end - 2 - at) % 2 == 0


def _safe(name: str) -> str:
    """A name that can be a folder's: others' labels may hold anything.

    >>> _safe("a b/../c")
    'a_b_.._c'
    """
    return re.sub(r"[^\w.-]", "_", name, flags=re.ASCII)[:64].strip(".") or "_"
