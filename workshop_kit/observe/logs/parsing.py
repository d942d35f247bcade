"""Blocks of log lines → columns: the fast way for most lines, one by one for those it cannot vouch for."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pyarrow as pa

from workshop_kit.observe.logs.cutting import Block
from workshop_kit.observe.logs.extraction import Extractor
from workshop_kit.observe.logs.judging import FOREIGN, Judged, judge
from workshop_kit.observe.logs.mending import REASON, Parsed, mended
from workshop_kit.observe.logs.schema import Seen, Types, counted

_SAMPLE = 250
_FEW_NAMES = 1_000  # while there are no more, what was judged one by one is learned from at once
_MANY_ROWS = 2_000  # from here on it is quicker to use two processors
_MANY = 0.01  # of the rows judged one by one: the schema does not fit the data (any more)


class Parser:
    """Blocks of log lines to columns; the schema grows with what was seen. For one thread at a time; uses two."""

    def __init__(self, extractor: Extractor) -> None:
        self._extractors = [extractor, Extractor(extractor)]
        self._beside = ThreadPoolExecutor(len(self._extractors) - 1, "logs: parse beside")
        self._lock = threading.Lock()
        self._seen = Seen()
        self._types: dict[str, str] = {}

    def close(self) -> None:
        """End its threads."""
        self._beside.shutdown()

    def parse(self, block: Block) -> list[tuple[Block, Parsed]]:
        """All rows of a block, in order, in one part or two that were parsed at the same time."""
        if not self._types:
            self._learn(block, np.arange(len(block)))
        parts = block.split(len(self._extractors)) if len(block) > _MANY_ROWS else [block]
        others = [
            self._beside.submit(self._parse, part, extractor)
            for part, extractor in zip(parts[1:], self._extractors[1:], strict=False)
        ]
        found = [self._parse(parts[0], self._extractors[0]), *(other.result() for other in others)]
        return list(zip(parts, found, strict=True))

    def _parse(self, block: Block, extractor: Extractor) -> Parsed:
        types = self._types
        fast = extractor.extract(block, types)
        if np.count_nonzero(fast.odd) > _MANY * len(block) and self._learn(block, np.flatnonzero(fast.odd), types):
            types = self._types
            fast = extractor.extract(block, types)
        rows = np.flatnonzero(fast.odd)
        texts = block.texts(rows)
        judged = [
            Judged(reason=FOREIGN) if int(row) in block.foreign else judge(text)
            for row, text in zip(rows, texts, strict=True)
        ]
        size = len(block)
        none = pa.nulls(size, pa.string())
        parsed = Parsed(size, dict(types), fast.columns, none, none, pa.nulls(size, REASON), fast.seen)
        parsed = mended(parsed, rows, judged, texts)
        with self._lock:
            self._seen.add_all(parsed.seen)
            if len(rows) and len(self._seen) < _FEW_NAMES:
                self._types = self._seen.types()
        return parsed

    def _learn(self, block: Block, rows: Any, before: Types | None = None) -> bool:
        """Look at some of the rows, taken at random (what comes every other line would be missed); did it help?"""
        sample = rows if len(rows) <= _SAMPLE else np.random.default_rng(0).choice(rows, _SAMPLE, replace=False)
        seen = counted(judge(text).fields for text in block.texts(sample))
        with self._lock:
            self._seen.add_all(seen)
            self._types = self._seen.types()
            return self._types != before
