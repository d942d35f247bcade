"""Read logs, wherever they are, into one DataFrame; see the package for what becomes of which line."""

from __future__ import annotations

import io
import itertools
import threading
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
import pandas as pd

from workshop_kit.errors import WrongUsage
from workshop_kit.observe.logs.cutting import Block, blocks
from workshop_kit.observe.logs.extraction import Extractor
from workshop_kit.observe.logs.frame import Collected
from workshop_kit.observe.logs.mending import Parsed
from workshop_kit.observe.logs.messages import Messages
from workshop_kit.observe.logs.parsing import Parser
from workshop_kit.observe.logs.pieces import MAX_LINE_BYTES
from workshop_kit.observe.logs.records import Records, is_record
from workshop_kit.observe.logs.sources import Anywhere, Plain, Source, Stamped, stamps
from workshop_kit.observe.logs.unpacking import MAGIC, Unpacked
from workshop_kit.observe.logs.window import Gap

JSON_FILE, STAMPED, PLAIN = "json-file", "docker logs --timestamps", "plain"
FORMATS = (JSON_FILE, STAMPED, PLAIN)
_WORKERS = 2
MESSAGES = "messages"  # the engine's stream, of a container without a terminal


class Reader:
    """Bytes in, a DataFrame out, as often as wanted: ``feed`` … ``end``, ``frame``. For one thread at a time.

    What it keeps between two frames is columns, not text, and the schema: fields that were columns stay columns.
    """

    def __init__(self, kind: str = PLAIN, *, live: bool = False, max_line_bytes: int = MAX_LINE_BYTES) -> None:
        self._extractor = Extractor()
        self._source = source_of(kind, Extractor(self._extractor), live, max_line_bytes)
        self._parser = Parser(self._extractor)
        self._collected = Collected()
        self._workers = ThreadPoolExecutor(_WORKERS, "logs: parse")
        self._running: deque[Future[tuple[Block, Parsed]]] = deque()
        self._fed = threading.Event()  # whether the source has taken the bytes before these
        self._fed.set()

    @property
    def rows(self) -> int:
        """How many lines there are since the last frame."""
        self._settle()
        return self._collected.rows

    def feed(self, data: bytes) -> None:
        """Take whole lines (only the last may lack its end); a ``live`` reader takes bytes split anywhere.

        They are parsed while the next ones are fetched; an error comes with one of the next calls.
        """
        self._settle(but=_WORKERS)
        before, self._fed = self._fed, threading.Event()
        self._running.append(self._workers.submit(self._parsed, data, before, self._fed))

    def _parsed(self, data: bytes, before: threading.Event, fed: threading.Event) -> tuple[Block, Parsed]:
        """The source takes its bytes in order; whole blocks are parsed side by side, each by one thread.

        (Two threads at one block, or one at each step, wait for Python's lock more often than they work.)
        """
        before.wait()
        try:
            block = self._source.feed(data)
        finally:
            fed.set()
        return self._parser.parse(block)

    def end(self) -> None:
        """There is no more: what is unfinished becomes lines."""
        self._settle()
        for block in self._source.end():
            self._collected.add(*self._parser.parse(block))

    def _settle(self, but: int = 0) -> None:
        """Collect what was parsed, in order; wait until no more than some blocks are left."""
        while len(self._running) > but:
            self._collected.add(*self._running.popleft().result())

    def frame(self, gaps: Sequence[Any] = ()) -> pd.DataFrame:
        """The lines since the last frame."""
        self._settle()
        return self._collected.frame(gaps)

    def close(self) -> None:
        """Free its memory."""
        self._workers.shutdown(cancel_futures=True)
        self._extractor.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, _t: type[BaseException] | None, _v: BaseException | None, _b: TracebackType | None) -> None:
        self.close()


def read_lines(data: bytes) -> pd.DataFrame:
    """Lines as a program wrote them, or as ``docker logs`` shows them."""
    return _read(_blocks_of(data, "read_lines"), PLAIN)


def read_stamped(data: bytes) -> pd.DataFrame:
    """Lines as ``docker logs --timestamps`` shows them. It tells no streams, so ``stream`` is empty."""
    return _read(_blocks_of(data, "read_stamped"), STAMPED)


def read_json_file(data: bytes) -> pd.DataFrame:
    """The content of a file of the engine's json-file driver."""
    return _read(_blocks_of(data, "read_json_file"), JSON_FILE)


def read_file(path: Path | str, kind: str | None = None) -> pd.DataFrame:
    """A file of lines, gzipped or not; its ``kind`` is one of FORMATS, or told from its first line.

    A gzipped file that is cut or damaged is read up to there, and a ``Gap`` says so. Raises WrongUsage if there is no
    such file or kind.
    """
    if kind is not None and kind not in FORMATS:
        raise WrongUsage(f"There is no kind of log {kind!r}.", f"Choose one of: {', '.join(FORMATS)}.")
    try:
        with Path(path).open("rb") as file:
            packed = file.read(len(MAGIC)) == MAGIC
            file.seek(0)
            unpacked = Unpacked(file) if packed else None
            pieces = blocks(unpacked or file)
            first = next(pieces, b"")
            frame = _read(itertools.chain([first], pieces), kind or kind_of(first[: first.find(b"\n") + 1 or None]))
    except OSError as error:
        raise WrongUsage(
            f"The log file {path} cannot be read: {error.strerror or error}.", "Check its path."
        ) from error
    if unpacked and unpacked.problem:
        last = frame["received"].fillna(frame["ts"]).max()
        frame.attrs["gaps"].append(Gap(last.value, f"the file {Path(path).name} is {unpacked.problem}"))
    return frame


def kind_of(line: bytes) -> str:
    """What a log's first line looks like: one of FORMATS.

    >>> kind_of(b'2026-11-24T16:06:14.797497811Z hello')
    'docker logs --timestamps'
    """
    if is_record(line.decode("utf-8", "replace")):
        return JSON_FILE
    received, _ = stamps(line, np.zeros(min(1, len(line)), int), np.array([len(line)][: len(line)]))
    return STAMPED if len(received) and received.null_count == 0 else PLAIN


def _blocks_of(data: bytes, reader: str) -> Iterator[bytes]:
    if isinstance(data, str):
        raise WrongUsage(
            f"`{reader}` reads bytes, and this is a str.", "Give it text.encode(), or let `read_file` read the file."
        )
    return blocks(io.BytesIO(data))


def _read(pieces: Iterable[bytes], kind: str) -> pd.DataFrame:
    with Reader(kind) as reader:
        for piece in pieces:
            reader.feed(piece)
        reader.end()
        return reader.frame()


def source_of(kind: str, extractor: Extractor, live: bool, max_line_bytes: int) -> Source:
    """What takes this kind of bytes."""
    if kind == MESSAGES:
        return Messages(max_line_bytes)
    sources: dict[str, Source] = {JSON_FILE: Records(extractor, max_line_bytes), STAMPED: Stamped(), PLAIN: Plain()}
    return Anywhere(sources[kind], max_line_bytes) if live else sources[kind]
