"""Lines on their way from a container's log to the parts they belong to."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from .gaps import Gap, record
from .records import Identity, cut, moment

Position = dict[str, Any]


@dataclass(frozen=True)
class Batch:
    """What was read at one go: lines by part, and the position behind them. ``ended``: nothing more can come."""

    identity: Identity
    lines: dict[str, list[bytes]]
    position: Position
    size_bytes: int = 0
    ended: bool = False


@dataclass(frozen=True)
class Sorted:
    """Lines by part, how many of the lines these are, and the time of the last one."""

    lines: dict[str, list[bytes]]
    used: int
    time: str


def sort(lines: list[bytes], identity: Identity, *, whole: bool) -> Sorted:
    """Sort records into parts by the hour in which they were written.

    A long line comes in pieces. With ``whole`` the last records are left for later if their line goes on: the pieces of
    a line then stand in one part.
    """
    attributes, open_streams = identity.attributes, set()
    cuts, safe = [], 0
    hour_now = f"{datetime.now(UTC):%Y-%m-%dT%H}"
    for number, line in enumerate(lines, 1):
        found = cut(line, attributes)
        if found is None:  # torn by a power cut, say: kept as it is
            cuts.append((hour_now, line + b"\n"))
        else:
            cuts.append((found.hour, found.text))
            if found.open:
                open_streams.add(found.stream)
            elif open_streams:
                open_streams.discard(found.stream)
        if not open_streams:
            safe = number
    used = safe if whole else len(lines)
    parts: dict[str, list[bytes]] = {}
    hour, some = "", []
    for at, text in cuts[:used]:
        if at != hour:
            hour, some = at, parts.setdefault(f"{identity.place}~{at}", [])
        some.append(text)
    return Sorted(parts, used, moment(lines[used - 1]) if used else "")


def with_gaps(lines: dict[str, list[bytes]], gaps: Iterable[Gap], identity: Identity) -> dict[str, list[bytes]]:
    """The lines, and a record for each gap."""
    for gap in gaps:
        hour, text = record(gap, identity)
        lines.setdefault(f"{identity.place}~{hour}", []).append(text)
    return lines
