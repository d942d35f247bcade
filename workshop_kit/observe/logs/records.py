"""The content of the json-file driver's files → blocks of lines. Pure."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from workshop_kit.observe.logs import schema
from workshop_kit.observe.logs.cutting import Block, clean, line_ends, plain, views
from workshop_kit.observe.logs.extraction import Extractor
from workshop_kit.observe.logs.judging import judge
from workshop_kit.observe.logs.mending import put
from workshop_kit.observe.logs.pieces import MAX_LINE_BYTES, STREAMS, Joiner, stream_array
from workshop_kit.observe.logs.shapes import shapes
from workshop_kit.observe.logs.sources import NOTHING
from workshop_kit.observe.logs.times import UTC_NS, nulls

_USUAL = 0.9  # of the lines: below that it is quicker to parse them all
RECORD = {"log": schema.TEXT, "stream": schema.TEXT, "time": schema.TIME, "attrs": schema.JSON}


class Records:
    """The content of the json-file driver's files: a JSON record a message."""

    def __init__(self, extractor: Extractor, max_line_bytes: int = MAX_LINE_BYTES) -> None:
        self._extractor = extractor
        self._joiner = Joiner(max_line_bytes)

    def feed(self, data: bytes) -> Block:
        """Whole records; only the last one may lack an end. What is not a record is kept as a foreign line."""
        if not data:
            return NOTHING
        data, counts = clean(data)
        ends = line_ends(data)
        starts = np.concatenate([np.zeros(1, np.int64), ends])[:-1]
        found = shapes(data, starts, ends)
        if np.count_nonzero(found.usual) < _USUAL * len(starts):
            return self._joiner.feed(self._any(data, counts))
        rows = np.flatnonzero(~found.usual)
        text = self._extractor.strings(
            views(data, found.starts, np.where(found.usual, found.ends, found.starts)), found.usual
        )
        rows = np.union1d(rows, np.flatnonzero(nulls(text)))
        records = [_record(data[starts[row] : ends[row]].decode().removesuffix("\n")) for row in rows]
        foreign = frozenset(int(row) for row, record in zip(rows, records, strict=True) if record["stream"] is None)
        for row, record in zip(rows, records, strict=True):
            found.codes[row] = STREAMS.index(record["stream"]) if record["stream"] else -1
        received = put(pa.array(found.ns, UTC_NS), rows, [record["time"] for record in records])
        attrs = None
        if found.texts or any(record["attrs"] for record in records):
            labels = pa.array(found.labels, mask=found.labels < 0)
            attrs = pa.DictionaryArray.from_arrays(labels, pa.array(found.texts, pa.string())).cast(pa.string())
            attrs = put(attrs, rows, [record["attrs"] for record in records])
        text = put(text, rows, [record["log"] for record in records])
        return self._joiner.feed(Block(text, received, stream_array(found.codes), attrs, foreign, counts))

    def _any(self, data: bytes, counts: Counter[str]) -> Block:
        """Records of another shape, with labels for one."""
        outer = plain(data)
        found = self._extractor.extract(outer, RECORD)
        known = _stream_codes(found.columns["stream"]) >= 0
        rows = np.flatnonzero(found.odd | ~known | nulls(found.columns["log"]) | nulls(found.columns["time"]))
        records = [_record(text) for text in outer.texts(rows)]
        foreign = frozenset(int(row) for row, record in zip(rows, records, strict=True) if record.get("stream") is None)
        columns = {key: put(column, rows, [record[key] for record in records]) for key, column in found.columns.items()}
        attrs = columns["attrs"] if columns["attrs"].null_count < len(outer) else None
        stream = stream_array(_stream_codes(columns["stream"]))
        return Block(columns["log"], columns["time"], stream, attrs, foreign, counts)

    def end(self) -> list[Block]:
        """A line whose last piece never came."""
        return [self._joiner.end()]


def is_record(text: str) -> bool:
    """Whether a line is a record of the json-file driver."""
    return _record(text)["stream"] is not None


def _record(text: str) -> dict[str, Any]:
    """A record of the json-file driver, in full; what is none is kept as its own ``log``."""
    judged = judge(text)
    fields = judged.fields
    fits = {key: schema.fitted(fields.get(key), kind) for key, kind in RECORD.items()}
    whole = not judged.reason and set(fields) <= set(RECORD) and all(fit.exact for fit in fits.values())
    if whole and fits["stream"].value in STREAMS and fits["log"].value is not None and fits["time"].value is not None:
        return {key: fit.value for key, fit in fits.items()}
    return {"log": text, "stream": None, "time": None, "attrs": None}


def _stream_codes(names: Any) -> Any:
    return pc.index_in(names, pa.array(STREAMS)).fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int8)
