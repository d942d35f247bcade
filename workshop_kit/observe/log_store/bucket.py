"""A log in a bucket, asked as if it were in memory."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from workshop_kit.observe.log_store import parts, segments
from workshop_kit.observe.log_store.parts import Place, Wanted
from workshop_kit.observe.log_store.segments import Segment
from workshop_kit.observe.log_store.stores import Asked
from workshop_kit.observe.log_store.tables import agreed, conformed, table_of, with_rows
from workshop_kit.observe.logs.reading import JSON_FILE, Reader
from workshop_kit.progress import Report, Step, silent

PREFIX = "logs/"
_MAX_SEGMENTS = 8
_FEED_BYTES = 4 * 1024 * 1024  # small parts are parsed together


class BucketStore(Asked):
    """The lines in a bucket's parts (see ``parts``) as one table; see LogStore for what it answers.

    Reads what is there when it is made, and what is new with each ``refresh()``. What was read once is kept in columns
    in the ``cache`` folder, which any number of stores may share. With ``environment``, ``service``, ``since`` and
    ``until`` (UTC, by the hour) only those parts are listed and read. ``row`` goes by the engine's time: a part that
    comes late moves the rows after it. ``client`` is a boto3 S3 client. Raises WorkshopError if the bucket is away.
    """

    def __init__(
        self,
        client: Any,
        bucket: str,
        cache: Path | str,
        prefix: str = PREFIX,
        *,
        environment: str | None = None,
        service: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        report: Report = silent,
    ) -> None:
        super().__init__()
        self._client, self._bucket, self._prefix = client, bucket, prefix
        self._wanted = Wanted(environment, service, since, until)
        self._folder = Path(cache) / bucket
        self._lock = threading.Lock()
        self._segments: list[Segment] = []
        self._joined = with_rows(table_of(pd.DataFrame(), {}), pa.array([], pa.int64()))
        self.refresh(report)

    def __len__(self) -> int:
        return len(self._joined)

    @property
    def parts(self) -> int:
        """How many parts these lines come from."""
        return sum(len(segment.parts) for segment in self._segments)

    def refresh(self, report: Report = silent) -> int:
        """Take in what is new in the bucket, and let go what is gone; return how many parts are new to this store."""
        with self._lock:
            there = parts.listed(self._client, self._bucket, self._prefix, self._wanted)
            before = {key: tag for segment in self._segments for key, tag in segment.parts.items()}
            if before == there:
                return 0
            current = [one for one in self._segments if _still(one, there)]
            have = frozenset(key for segment in current for key in segment.parts)
            current += segments.kept(self._folder, there, have)
            have = frozenset(key for segment in current for key in segment.parts)
            missing = parts.groups([key for key in there if key not in have], self._prefix)
            for number, (place, keys) in enumerate(missing.items()):
                report(Step("Reading logs", number / len(missing), f"{place.service} {place.hour}"))
                current.append(self._read(place, keys, there))
            if missing:
                report(Step("Reading logs", 1.0, done=True))
            self._segments = self._compacted(current)
            self._joined = _whole([segment.table for segment in self._segments]) or self._joined.slice(0, 0)
            return len(there.items() - before.items())

    def gaps(self) -> pd.DataFrame:
        """Where lines may be missing: as the collector says, and parts whose end is missing."""
        found = super().gaps()
        damaged = [
            {"service": place.service, "environment": place.environment, "reason": f"the end of {key} is missing"}
            for segment in self._segments
            for key in segment.damaged
            if (place := parts.place_of(key, self._prefix))
        ]
        columns = list(dict.fromkeys([*found.columns, *(key for one in damaged for key in one)]))
        return pd.DataFrame([*found.to_dict("records"), *damaged], columns=columns)

    def _table(self) -> Any:
        return self._joined

    def _read(self, place: Place, keys: list[str], there: Mapping[str, str]) -> Segment:
        """Fetch parts of one place and keep them in columns."""
        damaged, waiting = [], bytearray()
        with Reader(JSON_FILE) as reader:
            for key, lines, whole in parts.fetched(self._client, self._bucket, keys):
                damaged += [] if whole else [key]
                waiting += lines
                if len(waiting) >= _FEED_BYTES:
                    reader.feed(bytes(waiting))
                    waiting.clear()
            reader.feed(bytes(waiting))
            reader.end()
            frame = reader.frame()
        table = table_of(frame, {"environment": place.environment, "service": place.service})
        return segments.write(self._folder, {key: there[key] for key in keys}, tuple(damaged), table)

    def _compacted(self, current: list[Segment]) -> list[Segment]:
        """Not too many segments of one place: a part comes every few seconds."""
        by_place: dict[Place | None, list[Segment]] = {}
        for segment in current:
            by_place.setdefault(parts.place_of(next(iter(segment.parts)), self._prefix), []).append(segment)
        found: list[Segment] = []
        for some in by_place.values():
            found += [segments.joined(self._folder, some)] if len(some) > _MAX_SEGMENTS else some
        return found


def _still(segment: Segment, there: Mapping[str, str]) -> bool:
    return all(there.get(key) == tag for key, tag in segment.parts.items())


def _whole(tables: list[Any]) -> Any:
    """All tables as one, with ``row`` in the order of the engine's time; None if there are none."""
    if not tables:
        return None
    kinds = agreed(tables)
    table = pa.concat_tables([conformed(one, kinds).replace_schema_metadata() for one in tables])
    received = table.column("received").cast(pa.int64()).fill_null(0).to_numpy()
    rows = np.empty(len(table), np.int64)
    rows[np.argsort(received, kind="stable")] = np.arange(len(table))
    return with_rows(table, pa.array(rows))
