"""A log in memory: the frames of a reader or of a live follow as one table."""

from __future__ import annotations

import threading
from collections.abc import Set
from typing import Any

import pandas as pd
import pyarrow as pa

from workshop_kit.observe.log_store.stores import Asked
from workshop_kit.observe.log_store.tables import Kinds, agreed, conformed, kinds_of, numbered, table_of
from workshop_kit.observe.logs.schema import FLOAT, INT, MAX_FIELDS

MAX_ROWS = 1_000_000
_PART_ROWS = 65_536


class FrameStore(Asked):
    """The lines of one or more frames; see LogStore for what it answers.

    It keeps ``max_rows``, and drops the oldest (``dropped`` says how many). ``known`` tells the place of lines that do
    not tell it themselves: ``FrameStore(frame, service="orders")``.
    """

    def __init__(self, frame: pd.DataFrame | None = None, *, max_rows: int = MAX_ROWS, **known: str) -> None:
        super().__init__()
        self.max_rows = max_rows
        self.dropped = 0
        self._lock = threading.Lock()
        self._parts: list[Any] = []
        self._gaps: list[dict[str, Any]] = []
        self._joined = numbered(table_of(pd.DataFrame() if frame is None else frame.iloc[:0], {}), 0)
        if frame is not None:
            self.add(frame, **known)

    def __len__(self) -> int:
        return len(self._joined)

    def add(self, frame: pd.DataFrame, **known: str) -> None:
        """Take more lines, as a follow gives them.

        A field keeps the type that its first values had (nulls are none); what does not fit stands in ``rest``.
        """
        table = table_of(frame, known)
        with self._lock:
            kinds = _merged(kinds_of(self._joined) if self._parts else {}, agreed([table]), self._undecided())
            table = numbered(conformed(table, kinds), self.dropped + len(self))
            self._parts = [conformed(part, kinds) for part in self._parts]
            self._parts += [table.slice(at, _PART_ROWS) for at in range(0, len(table), _PART_ROWS)]
            self._drop(sum(map(len, self._parts)) - self.max_rows)
            _merge_small(self._parts)
            if self._parts:
                self._joined = pa.concat_tables(self._parts)
            for gap in frame.attrs.get("gaps", ()):
                self._gaps.append({"ts": pd.Timestamp(gap.after_ns, unit="ns", tz="UTC"), **known, "reason": gap.why})

    def gaps(self) -> pd.DataFrame:
        """Where lines may be missing, as the collector and the follow say."""
        found = super().gaps()
        return pd.DataFrame([*found.to_dict("records"), *self._gaps], columns=found.columns)

    def _table(self) -> Any:
        return self._joined

    def _undecided(self) -> set[str]:
        """The columns that hold nothing but nulls."""
        return {name for name in kinds_of(self._joined) if self._joined.column(name).null_count == len(self)}

    def _drop(self, surplus: int) -> None:
        self.dropped += max(0, surplus)
        while surplus > 0:
            first = self._parts.pop(0)
            if len(first) > surplus:
                self._parts.insert(0, first.slice(surplus))
            surplus -= len(first)


def _merged(old: Kinds, new: Kinds, undecided: Set[str]) -> Kinds:
    """The old columns, and the new ones as far as there is room; undecided ones take their new type."""
    kinds = dict(old)
    taken = {name.casefold() for name in old}
    for name, kind in new.items():
        if name in kinds and name in undecided:
            kinds[name] = kind
        elif name in kinds:
            kinds[name] = FLOAT if {kinds[name], kind} == {INT, FLOAT} else kinds[name]
        elif name.casefold() not in taken and len(kinds) < MAX_FIELDS:
            kinds[name] = kind
            taken.add(name.casefold())
    return kinds


def _merge_small(parts: list[Any]) -> None:
    """Join the last parts while they are small, each about twice as often as it doubles: a scan likes few and large."""
    while len(parts) > 1 and len(parts[-2]) <= 2 * len(parts[-1]) and len(parts[-2]) + len(parts[-1]) <= _PART_ROWS:
        last = parts.pop()
        parts[-1] = pa.concat_tables([parts[-1], last]).unify_dictionaries().combine_chunks()
