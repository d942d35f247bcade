"""Blocks of log lines → columns: the fast way for most lines, one by one for those it cannot vouch for."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from typing import Any

import numpy as np
import pyarrow as pa

from workshop_kit.observe.logs.cutting import Block
from workshop_kit.observe.logs.extraction import FEW, Extractor
from workshop_kit.observe.logs.judging import FOREIGN, Judged, judge
from workshop_kit.observe.logs.lines import Lines, objects
from workshop_kit.observe.logs.mending import REASON, Parsed, mended
from workshop_kit.observe.logs.planned import Fast, merged, planned
from workshop_kit.observe.logs.plans import Habits, Plan
from workshop_kit.observe.logs.records import readable
from workshop_kit.observe.logs.schema import Seen, Types, counted

_SAMPLE = 250
_FEW_NAMES = 1_000  # while there are no more, what was judged one by one is learned from at once
_MANY = 0.01  # of the rows not as planned: the plan does not fit the data (any more)


class Parser:
    """Blocks of log lines to columns; the schema and the plan grow with what was seen. For up to two threads."""

    def __init__(self, extractor: Extractor) -> None:
        self._free = [extractor, Extractor(extractor)]
        self._lock = threading.Lock()
        self._seen = Seen()
        self._habits = Habits()
        self._known: tuple[Types, Plan] = {}, Plan((), ",", ":")

    def parse(self, block: Block) -> tuple[Block, Parsed]:
        """All rows of a block, in order."""
        if not len(block):
            return block, Parsed(0, {}, {}, pa.nulls(0, pa.string()), pa.nulls(0, pa.string()), pa.nulls(0, REASON))
        if not self._known[0]:
            self._learn(readable(block, _sample(len(block)))[1])
        extractor = self._free.pop()
        try:
            return self._parse(block, extractor)
        finally:
            self._free.append(extractor)

    def _parse(self, block: Block, extractor: Extractor) -> tuple[Block, Parsed]:
        types, plan = self._known
        fast = planned(block.lines, plan, types, block.foreign)
        rows = np.flatnonzero(fast.odd)
        whole, lines = readable(block, rows)
        if len(rows) > _MANY * len(block) and self._learn(lines.some(_sample(len(rows)))) != (types, plan):
            types, plan = self._known
            fast = planned(block.lines, plan, types, block.foreign)
            rows = np.flatnonzero(fast.odd)
            whole, lines = readable(block, rows)
        if np.count_nonzero(objects(lines)) >= FEW:
            fast = merged(fast, rows, extractor.extract(lines, types))
            fast.odd[list(whole.foreign)] = True
            lines, rows = lines.some(fast.odd[rows]), np.flatnonzero(fast.odd)
        return whole, self._judged(types, fast, rows, lines.texts(range(len(lines))), whole.foreign)

    def _judged(self, types: Types, fast: Fast, rows: Any, texts: list[str], foreign: frozenset[int]) -> Parsed:
        """With the odd rows judged one by one."""
        judged = [
            Judged(reason=FOREIGN) if int(row) in foreign else judge(text)
            for row, text in zip(rows, texts, strict=True)
        ]
        size = len(fast.odd)
        none = pa.nulls(size, pa.string())
        parsed = Parsed(size, dict(types), fast.columns, none, none, pa.nulls(size, REASON), fast.seen)
        parsed = mended(parsed, rows, judged, texts)
        with self._lock:
            self._seen.add_all(parsed.seen)
            if len(rows) and len(self._seen) < _FEW_NAMES:
                self._follow(zip(texts, judged, strict=True))
        return parsed

    def _learn(self, lines: Lines) -> tuple[Types, Plan]:
        """Look at some lines; what is known then."""
        texts = lines.texts(range(len(lines)))
        judged = [judge(text) for text in texts]
        with self._lock:
            self._seen.add_all(counted(one.fields for one in judged))
            return self._follow(zip(texts, judged, strict=True))

    def _follow(self, lines: Iterable[tuple[str, Judged]]) -> tuple[Types, Plan]:
        for text, one in lines:
            if one.fields and not one.reason:
                self._habits.learn(text, one.fields)
        types = self._seen.types()
        self._known = types, self._habits.plan(types)
        return self._known


def _sample(size: int) -> Any:
    """Some of so many rows, in order, taken at random (what comes every other line would be missed)."""
    return (
        np.arange(size) if size <= _SAMPLE else np.sort(np.random.default_rng(0).choice(size, _SAMPLE, replace=False))
    )
