"""The log of a container through the engine, as one frame."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pandas as pd

from workshop_kit.observe.lines import has_terminal, open_log, since_parameter, state_of
from workshop_kit.observe.logs.reading import MESSAGES, STAMPED, Reader
from workshop_kit.observe.wire import Away, Stream, sdk

_PARSE_BYTES = 8 * 1024 * 1024


def read_container(container: Any, *, since: datetime | float | None = None) -> pd.DataFrame:
    """All a container has written so far, or since a time; reading and parsing overlap.

    Raises WorkshopError if the container is gone, its log cannot be read, or the engine is away.
    """
    container = sdk(container)
    state_of(container)
    kind = STAMPED if has_terminal(container) else MESSAGES
    with Reader(kind, live=True) as reader:
        with open_log(container, since_parameter(since), threading.Event()) as stream:
            for data in gathered(stream, _PARSE_BYTES):
                reader.feed(data)
            if stream.cut:
                raise Away
        reader.end()
        return reader.frame()


def gathered(stream: Stream, at_least_bytes: int) -> Iterator[bytes]:
    """What a stream brings in pieces that are worth a look; only the last may be smaller."""
    parts: list[bytes] = []
    size = 0
    for data in stream:
        parts.append(data)
        size += len(data)
        if size >= at_least_bytes:
            yield b"".join(parts)
            parts, size = [], 0
    if parts:
        yield b"".join(parts)
