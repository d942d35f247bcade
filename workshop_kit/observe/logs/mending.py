"""Put rows that were judged one by one into columns, and move values between columns and ``rest``. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from workshop_kit.observe.logs.judging import REASONS, Judged, Number, judge, object_text
from workshop_kit.observe.logs.schema import ARROW, EXACT_INT, FLOAT, INT, JSON, Seen, Types, fitted, kind_of

REASON = pa.dictionary(pa.int8(), pa.string())


@dataclass(frozen=True)
class Parsed:
    """Lines as columns. ``seen`` counts all values by kind, ``aside`` those of them that stand in ``rest``."""

    rows: int
    types: Types
    columns: dict[str, Any]
    rest: Any
    raw: Any
    reason: Any
    seen: Seen = field(default_factory=Seen)
    aside: Seen = field(default_factory=Seen)


def scattered(size: int, rows: Any, values: Sequence[Any], kind: Any) -> Any:
    """An array that is null but for some rows."""
    nothing = pa.nulls(size, kind)
    return nothing if values.count(None) == len(values) else put(nothing, rows, values)


def put(column: Any, rows: Any, values: Sequence[Any]) -> Any:
    """The column with some rows replaced."""
    if not len(rows):
        return column
    column, mask = undivided(column), np.zeros(len(column), bool)
    mask[rows] = True
    return pc.replace_with_mask(column, pa.array(mask), pa.array(values, column.type))


def undivided(column: Any) -> Any:
    """A column of categories as one of texts; others as they are."""
    return column.cast(pa.string()) if pa.types.is_dictionary(column.type) else column


def _replaced(column: Any, rows: Any, values: list[Any]) -> Any:
    """With some rows replaced; no copy where they hold these values already, as most do."""
    now = column.take(pa.array(rows))
    now = now.cast(pa.int64()) if pa.types.is_timestamp(now.type) else now
    return column if now.to_pylist() == values else put(column, rows, values)


def mended(parsed: Parsed, rows: Any, judged: Sequence[Judged], texts: Sequence[str]) -> Parsed:
    """With these rows as they were judged; ``rows`` are in order."""
    seen, aside = parsed.seen, parsed.aside
    rests: list[str | None] = []
    values: dict[str, list[Any]] = {key: [None] * len(rows) for key in parsed.types}
    for number, one in enumerate(judged):
        left = []
        for key, value in one.fields.items():
            seen.add(key, kind_of(value))
            if key in parsed.types:
                fit = fitted(value, parsed.types[key])
                values[key][number] = fit.value
                if fit.exact:
                    continue
            left.append((key, value))
            aside.add(key, kind_of(value))
        rests.append(object_text(left) if left else None)
    raws = [_bare(text) if one.reason else None for one, text in zip(judged, texts, strict=True)]
    codes = [REASONS.index(one.reason) if one.reason else None for one in judged]
    size = parsed.rows
    return replace(
        parsed,
        columns={key: _replaced(column, rows, values[key]) for key, column in parsed.columns.items()},
        rest=scattered(size, rows, rests, pa.string()),
        raw=scattered(size, rows, raws, pa.string()),
        reason=_reasons(scattered(size, rows, codes, pa.int8())),
    )


def conformed(parsed: Parsed, types: Types) -> Parsed:
    """With exactly these columns: a value that fits none of them stands in ``rest``, one that fits does not."""
    if parsed.types == types:
        return parsed
    columns: dict[str, Any] = {}
    moved: dict[int, dict[str, Any]] = {}
    for key, column in parsed.columns.items():
        kind = parsed.types[key]
        leaving = _leaving(column, kind, types.get(key))
        for row in leaving:
            moved.setdefault(int(row), {})[key] = _value(column[int(row)].as_py(), kind)
        if key in types:
            columns[key] = _cast(column, kind, types[key], leaving)
    for key in types:
        if key not in columns:
            columns[key] = pa.nulls(parsed.rows, ARROW[types[key]])
    changed = {key for key in types if parsed.types.get(key) != types[key]} & set(parsed.aside)
    return _moved(replace(parsed, types=types, columns={key: columns[key] for key in types}), moved, changed)


def _moved(parsed: Parsed, moved: dict[int, dict[str, Any]], changed: set[str]) -> Parsed:
    """With values moved into ``rest``, and those of the changed fields taken out of it where they fit now."""
    rows = set(moved)
    if changed:
        rows |= set(np.flatnonzero(parsed.rest.is_valid().to_numpy(zero_copy_only=False)).tolist())
    order = sorted(rows)
    texts: list[str | None] = []
    out: dict[str, list[tuple[int, Any]]] = {key: [] for key in changed}
    for row in order:
        before = parsed.rest[row].as_py()
        aside = judge(before).fields if before else {}
        fields = {**aside, **moved.get(row, {})}
        for key in changed & set(aside):
            fit = fitted(fields[key], parsed.types[key])
            if fit.value is not None:
                out[key].append((row, fit.value))
            if fit.exact:
                del fields[key]
        texts.append(object_text(fields.items()) if fields else None)
    columns = dict(parsed.columns)
    for key, found in out.items():
        columns[key] = put(columns[key], [row for row, _ in found], [value for _, value in found])
    return replace(parsed, columns=columns, rest=put(parsed.rest, order, texts))


def _leaving(column: Any, kind: str, target: str | None) -> Any:
    """The rows whose value the new type does not hold."""
    if kind == target:
        return np.zeros(0, int)
    present = column.is_valid().to_numpy(zero_copy_only=False)
    if kind == INT and target == FLOAT:
        large = np.abs(column.fill_null(0).to_numpy(zero_copy_only=False).astype(float)) >= EXACT_INT
        return np.flatnonzero(present & large)
    return np.flatnonzero(present)


def _cast(column: Any, kind: str, target: str, leaving: Any) -> Any:
    if kind == target:
        return column
    if kind == INT and target == FLOAT:
        return put(column, leaving, [None] * len(leaving)).cast(pa.float64())
    return pa.nulls(len(column), ARROW[target])


def _value(value: Any, kind: str) -> Any:
    """A column's value as ``judge`` gives it."""
    if kind == JSON:
        return Number(value)  # text that is written as it stands
    return Number(repr(value)) if isinstance(value, (int, float)) and not isinstance(value, bool) else value


def _bare(text: str) -> str:
    """Without its line end."""
    return text[:-2] if text.endswith("\r\n") else text.removesuffix("\n")


def _reasons(codes: Any) -> Any:
    return pa.DictionaryArray.from_arrays(codes, pa.array(REASONS))
