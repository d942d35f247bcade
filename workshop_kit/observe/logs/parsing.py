"""Blocks of log lines → columns: the fast way for most lines, one by one for those it cannot vouch for."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from workshop_kit.observe.logs.cutting import Block
from workshop_kit.observe.logs.extraction import Extractor
from workshop_kit.observe.logs.judging import FOREIGN, Judged, judge
from workshop_kit.observe.logs.mending import REASON, Parsed, mended
from workshop_kit.observe.logs.schema import Seen, counted

_SAMPLE = 2_000
_MANY = 0.01  # of the rows judged one by one: the schema does not fit the data (any more)


class Parser:
    """Blocks of log lines to columns; the schema grows with what was seen. For one thread at a time."""

    def __init__(self, extractor: Extractor) -> None:
        self._extractor = extractor
        self._seen = Seen()
        self._types: dict[str, str] = {}

    def parse(self, block: Block) -> Parsed:
        """All rows of a block, in order."""
        if not self._types:
            self._learn(block, np.arange(len(block)))
        fast = self._extractor.extract(block, self._types)
        if np.count_nonzero(fast.odd) > _MANY * len(block) and self._learn(block, np.flatnonzero(fast.odd)):
            fast = self._extractor.extract(block, self._types)
        rows = np.flatnonzero(fast.odd)
        texts = block.texts(rows)
        judged = [
            Judged(reason=FOREIGN) if int(row) in block.foreign else judge(text)
            for row, text in zip(rows, texts, strict=True)
        ]
        size = len(block)
        none = pa.nulls(size, pa.string())
        parsed = Parsed(size, dict(self._types), fast.columns, none, none, pa.nulls(size, REASON), fast.seen)
        parsed = mended(parsed, rows, judged, texts)
        self._seen.add_all(parsed.seen)
        return parsed

    def _learn(self, block: Block, rows: Any) -> bool:
        """Look at some of the rows; whether the schema changed."""
        sample = rows[:: max(1, len(rows) // _SAMPLE)]
        self._seen.add_all(counted(judge(text).fields for text in block.texts(sample)))
        before, self._types = self._types, self._seen.types()
        return self._types != before
