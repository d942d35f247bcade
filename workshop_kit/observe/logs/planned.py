"""Lines that are written as planned → columns, without a JSON parser. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from workshop_kit.observe.logs.categories import category, same
from workshop_kit.observe.logs.lines import Lines
from workshop_kit.observe.logs.matching import Span, match
from workshop_kit.observe.logs.mending import undivided
from workshop_kit.observe.logs.plans import Plan
from workshop_kit.observe.logs.schema import ARROW, CATEGORIES, TEXT, TIME, Seen, Types
from workshop_kit.observe.logs.values import NO_ROWS, meant, typed

_TEXT = pa.string()


@dataclass
class Fast:
    """What was found in many lines at once, the rows for which it is not to be trusted, and what was seen in others."""

    columns: dict[str, Any]
    odd: Any
    seen: Seen = field(default_factory=Seen)


def planned(lines: Lines, plan: Plan, types: Types, but: Iterable[int] = ()) -> Fast:
    """All rows; odd are those that are not written as planned, or hold what their columns do not, and ``but`` these."""
    found = match(lines, plan, types)
    found.whole[list(but)] = False
    odd, empty = ~found.whole, dict(found.empty)
    columns = {key: pa.nulls(len(lines), ARROW[kind]) for key, kind in types.items() if key not in found.spans}
    for key, span in found.spans.items():
        if span.same is not None:
            columns[key] = same(span, found.whole, key in CATEGORIES)
            continue
        if types[key] == TEXT and key in CATEGORIES and (column := category(lines, span, found.whole)) is not None:
            columns[key] = column
            continue
        texts = _texts(lines, span, found.whole)
        if types[key] in (TEXT, TIME):
            texts, wrong = meant(texts, lines.quoted)
        else:
            texts, empty[key], wrong = *_without_null(texts), NO_ROWS
        columns[key], unfit = typed(texts, types[key])
        odd[wrong], odd[unfit] = True, True
    fast = Fast({key: columns[key] for key in types}, odd)
    but_rows = pa.array(np.flatnonzero(odd))
    for key in found.spans:
        column, kind = fast.columns[key], TEXT if types[key] == TIME else types[key]
        fast.seen.add_some(key, kind, _values(column) - _values(column.take(but_rows)))
        fast.seen.add_some(key, "", int(np.count_nonzero(~odd[empty.get(key, NO_ROWS)])))
    return fast


def _values(column: Any) -> int:
    return len(column) - int(column.null_count)


def merged(fast: Fast, rows: Any, other: Fast) -> Fast:
    """With some rows as another way found them."""
    mask = np.zeros(len(fast.odd), bool)
    mask[rows] = True
    odd = fast.odd.copy()
    odd[rows] = other.odd
    columns = {
        key: pc.replace_with_mask(undivided(column), pa.array(mask), other.columns[key])
        for key, column in fast.columns.items()
    }
    fast.seen.add_all(other.seen)
    return Fast(columns, odd, fast.seen)


def _texts(lines: Lines, span: Span, whole: Any) -> Any:
    """The bytes of the values as Arrow strings, whatever they are; null in rows that have none, or are not whole."""
    size = len(span.starts)
    if not size:
        return pa.nulls(len(whole), _TEXT)
    offsets = np.empty(2 * size + 2, np.int32)  # every other text is what stands between two values, the last is empty
    offsets[:-2:2], offsets[1:-1:2], offsets[-2:] = span.starts, span.ends, span.ends[-1]
    both = pa.StringArray.from_buffers(2 * size + 1, pa.py_buffer(offsets), pa.py_buffer(lines.data))
    if span.rows is None:
        places = np.where(whole, np.arange(0, 2 * size, 2, dtype=np.int32), np.int32(2 * size))
    else:
        places = np.full(len(whole), 2 * size, np.int32)
        places[span.rows] = np.arange(0, 2 * size, 2)
        places[~whole] = 2 * size
    texts = both.take(pa.Array.from_buffers(pa.int32(), len(places), [None, pa.py_buffer(places)]))
    none = places == 2 * size
    missing = int(np.count_nonzero(none))
    if not missing:
        return texts
    there = pa.py_buffer(np.packbits(~none, bitorder="little"))
    return pa.Array.from_buffers(_TEXT, len(texts), [there, *texts.buffers()[1:]], missing, texts.offset)


def _without_null(texts: Any) -> tuple[Any, Any]:
    """Without the word ``null``, and the rows in which it stood."""
    null = pc.equal(texts, "null")
    if not pc.any(null).as_py():
        return texts, NO_ROWS
    rows = np.flatnonzero(pc.fill_null(null, False).to_numpy(zero_copy_only=False))
    return pc.if_else(null, None, texts), rows
