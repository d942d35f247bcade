"""The content of the json-file driver's files → blocks of lines. Pure."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from workshop_kit.observe.logs import schema
from workshop_kit.observe.logs.cutting import Block, clean, cut
from workshop_kit.observe.logs.extraction import Extractor
from workshop_kit.observe.logs.judging import judge
from workshop_kit.observe.logs.lines import Lines, lines_of
from workshop_kit.observe.logs.mending import put
from workshop_kit.observe.logs.pieces import MAX_LINE_BYTES, STREAMS, Joiner, stream_array, stream_codes
from workshop_kit.observe.logs.shapes import OPENING, Shapes, shapes
from workshop_kit.observe.logs.sources import NOTHING
from workshop_kit.observe.logs.times import UTC_NS, nulls

_LARGE = pa.large_string()
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
        lines = cut(data)
        found = shapes(data, lines.starts, lines.ends)
        if np.count_nonzero(found.usual) < _USUAL * len(lines):
            return self._joiner.feed(self._any(lines, counts))
        quoted = Lines(data, found.starts + 1, found.ends - 1, quoted=True)
        if found.usual.all() and not self._joiner.unfinished and quoted.ended().all():
            return Block(quoted, pa.array(found.ns, UTC_NS), stream_array(found.codes), _labels(found), counts=counts)
        return self._joiner.feed(_unquoted(lines, quoted, found, counts))

    def _any(self, outer: Lines, counts: Counter[str]) -> Block:
        """Records of another shape."""
        found = self._extractor.extract(outer, RECORD)
        known = _stream_codes(found.columns["stream"]) >= 0
        rows = np.flatnonzero(found.odd | ~known | nulls(found.columns["log"]) | nulls(found.columns["time"]))
        records = [_record(text) for text in outer.texts(rows)]
        foreign = frozenset(int(row) for row, record in zip(rows, records, strict=True) if record.get("stream") is None)
        columns = {key: put(column, rows, [record[key] for record in records]) for key, column in found.columns.items()}
        attrs = columns["attrs"] if columns["attrs"].null_count < len(outer) else None
        stream = stream_array(_stream_codes(columns["stream"]))
        return Block(lines_of(columns["log"].cast(_LARGE)), columns["time"], stream, attrs, foreign, counts)

    def end(self) -> list[Block]:
        """A line whose last piece never came."""
        return [self._joiner.end()]


def readable(block: Block, rows: Any) -> tuple[Block, Lines]:
    """Some lines of a block as they are, not quoted, and the block; where one is no string, its record is foreign."""
    if not block.lines.quoted:
        return block, block.lines.some(rows)
    found = block.lines.unquoted(rows)
    broken = [int(row) for row, text in zip(rows, found, strict=True) if text is None]
    texts = [whole_record(block.lines, row) if one is None else one for one, row in zip(found, rows, strict=True)]
    return _with_foreign(block, broken) if broken else block, lines_of(pa.array(texts, _LARGE))


def _with_foreign(block: Block, rows: list[int]) -> Block:
    """These rows are no records after all: nothing is known of them."""
    none = [None] * len(rows)
    stream = stream_array(np.where(np.isin(np.arange(len(block)), rows), -1, stream_codes(block)).astype(np.int8))
    attrs = None if block.attrs is None else put(block.attrs, rows, none)
    return replace(
        block, received=put(block.received, rows, none), stream=stream, attrs=attrs, foreign=block.foreign | {*rows}
    )


def whole_record(lines: Lines, row: int) -> str:
    """The record in which a quoted line stands."""
    end = lines.data.find(b"\n", lines.ends[row])
    return lines.data[lines.starts[row] - len(OPENING) : end if end >= 0 else None].decode()


def _unquoted(lines: Lines, quoted: Lines, found: Shapes, counts: Counter[str]) -> Block:
    """Records of which some are not usual, or hold a part of a line."""
    texts = [one if usual else None for one, usual in zip(quoted.unquoted(range(len(lines))), found.usual, strict=True)]
    rows = [row for row, text in enumerate(texts) if text is None]
    records = [_record(text.removesuffix("\n")) for text in lines.texts(rows)]
    foreign = frozenset(row for row, record in zip(rows, records, strict=True) if record["stream"] is None)
    for row, record in zip(rows, records, strict=True):
        texts[row] = record["log"]
        found.codes[row] = STREAMS.index(record["stream"]) if record["stream"] else -1
    received = put(pa.array(found.ns, UTC_NS), rows, [record["time"] for record in records])
    attrs = _labels(found)
    if attrs is not None or any(record["attrs"] for record in records):
        attrs = pa.nulls(len(lines), pa.string()) if attrs is None else attrs
        attrs = put(attrs, rows, [record["attrs"] for record in records])
    return Block(lines_of(pa.array(texts, _LARGE)), received, stream_array(found.codes), attrs, foreign, counts)


def _labels(found: Shapes) -> Any:
    """The labels as Arrow strings; None if there are none."""
    if not found.texts:
        return None
    codes = pa.array(found.labels, mask=found.labels < 0)
    return pa.DictionaryArray.from_arrays(codes, pa.array(found.texts, pa.string())).cast(pa.string())


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
