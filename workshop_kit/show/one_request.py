"""The story of one request, over all services, from its id: what happened when, and who was waited for."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pandas as pd

from workshop_kit.errors import WrongUsage
from workshop_kit.screen import visible
from workshop_kit.show.charts import Band, Event, timeline
from workshop_kit.show.shown import Shown
from workshop_kit.show.tables import table

REQUEST = "request"
WAITS = {"master_db_ms": "master-db", "replica_db_ms": "replica-db", "redis_ms": "redis"}
"""What a line about a request says of the time that it waited for each dependency."""
MOST_LINES = 60
COLUMNS = ("ms", "service", "level", "what happened", "status", "took ms", "waited for")
WHOLE, WAITED = "the request", "waits, summed up (when within the request is not logged)"


@dataclass(frozen=True)
class Step:
    """One line of the story, ``at`` milliseconds after its beginning."""

    at: float
    service: str
    level: str
    text: str
    status: str = ""
    took: float | None = None
    waits: tuple[tuple[str, float], ...] = ()

    @property
    def row(self) -> list[str]:
        """As a row of the table."""
        waited = ", ".join(f"{name} {ms:,.1f} ms" for name, ms in self.waits)
        took = "" if self.took is None else f"{self.took:,.1f}"
        return [f"{self.at:,.1f}", self.service, self.level, self.text, self.status, took, waited]


def follow_request(lines: pd.DataFrame, request_id: str) -> Shown:
    """Return the lines with this id in the order in which they happened, as a chart and as a table.

    ``lines`` is a reader's table with ``request_id``, ``ts`` and ``msg``, of one service or (with ``service``) of
    several. A line ``request`` stands at the request's end and tells how long it took; so it is drawn as a bar that
    ends there, with how long each dependency was waited for below it. Raises WrongUsage if no line has the id, or if
    it is none, as of a line that belongs to no request.
    """
    if not isinstance(request_id, str):
        raise WrongUsage("This line belongs to no request.", "Take an id from a line that has one: a text.")
    steps = list(_steps(lines, request_id))
    said = visible(request_id, 64)
    if not steps:
        raise WrongUsage(f"No line has the request id {said!r}.", "Take one from the column request_id.")
    title = f"Request {said}"
    bands = [band for step in steps for band in _bands(step)]
    events = [
        Event(step.service, step.at, visible(step.text.partition(" (")[0], 28)) for step in steps if step.took is None
    ]
    drawn = timeline(title, events[:MOST_LINES], bands, axis="milliseconds since it began")
    services = dict.fromkeys(step.service for step in steps)
    head = f"{title}: {len(steps)} lines of {len(services)} service{'s' if len(services) > 1 else ''}"
    listed = table(head, COLUMNS, [step.row for step in steps[:MOST_LINES]])
    return Shown(drawn.html + listed.html, f"{drawn.text}\n{listed.text}")


def _steps(lines: pd.DataFrame, request_id: str) -> Iterator[Step]:
    """The story's steps, by time; the beginning is that of the first request, or the first line."""
    if "request_id" not in lines or "ts" not in lines:
        return
    mine = lines[(lines["request_id"].astype("str") == request_id) & lines["ts"].notna()].sort_values("ts")
    found = [dict(zip(mine.columns, row, strict=True)) for row in mine.itertuples(index=False)]
    ends = [pd.Timestamp(one["ts"]).timestamp() * 1000 for one in found]
    began = min(
        (end - (_number(one.get("duration_ms")) or 0.0) for one, end in zip(found, ends, strict=True)), default=0
    )
    for one, end in zip(found, ends, strict=True):
        took = _number(one.get("duration_ms")) if one.get("msg") == REQUEST else None
        yield Step(
            at=end - began,
            service=_text(one.get("service")) or "service",
            level=_text(one.get("level")),
            text=_what(one),
            status=_text(one.get("status")),
            took=took,
            waits=tuple((name, ms) for key, name in WAITS.items() if (ms := _number(one.get(key))) is not None),
        )


def _bands(step: Step) -> Iterator[Band]:
    if step.took is None:
        return
    start = step.at - step.took
    yield Band(step.service, start, step.at, WHOLE)
    for name, ms in step.waits:
        yield Band(f"{step.service}: {name}", start, start + ms, WAITED)


def _what(line: dict[str, Any]) -> str:
    msg = _text(line.get("msg"))
    if msg == REQUEST:
        return f"{_text(line.get('method'))} {_text(line.get('path'))}".strip() or msg
    more = [text for name in ("dependency", "error") if (text := _text(line.get(name)))]
    return f"{msg} ({', '.join(more)})" if more else msg


def _text(value: object) -> str:
    return "" if value is None or pd.isna(value) else visible(str(value), 120)


def _number(value: object) -> float | None:
    return None if value is None or pd.isna(value) else float(value)  # type: ignore[arg-type]
