"""Sample the statistics of containers once a second, in one thread, with a bounded history."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from types import TracebackType
from typing import Any, Self

import pandas as pd

from workshop_kit.engine.reach import Engine
from workshop_kit.observe import stats
from workshop_kit.observe.engine_api import ContainerGone, EngineRefused, EngineUnavailable, get_json
from workshop_kit.observe.stats import Sample, Usage

_RETRY_SECONDS = 1.0


class _Sampled:
    """The history of one container; only the sampler's thread touches ``previous``."""

    def __init__(self, container_id: str, name: str, rows_kept: int) -> None:
        self.id = container_id
        self.name = name
        self.previous: Sample | None = None
        self.rows: deque[Usage] = deque(maxlen=rows_kept)
        self.is_gone = False


class Sampler:
    """Samples the statistics of containers until it is stopped; a context manager.

    A container that stops gives rows of NaN with the state ``stopped``; one that is removed ends with one row ``gone``.
    When the engine does not answer, the sampler waits for it; nothing is raised.
    """

    def __init__(
        self,
        engine: Engine,
        containers: Iterable[Any] = (),
        *,
        interval_seconds: float = 1.0,
        history_seconds: float = 600.0,
    ) -> None:
        self._engine = engine
        self._interval = interval_seconds
        self._rows_kept = max(1, round(history_seconds / interval_seconds))
        self._sampled: dict[str, _Sampled] = {}
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._clock_ahead = timedelta(0)  # rows without a sample get the engine's time, too
        for container in containers:
            self.add(container.id, container.name)

    def add(self, container_id: str, name: str) -> None:
        """Sample one more container under this name; to add it again changes nothing."""
        with self._lock:
            self._sampled.setdefault(container_id, _Sampled(container_id, name, self._rows_kept))

    def remove(self, container_id: str) -> None:
        """Stop sampling a container, and forget its history."""
        with self._lock:
            self._sampled.pop(container_id, None)

    def start(self) -> Self:
        """Begin to sample in a thread of its own; a second call changes nothing."""
        if self._thread is None:
            self._stop.clear()
            self._thread = threading.Thread(target=self._run, name="observe: stats", daemon=True)
            self._thread.start()
        return self

    def stop(self) -> None:
        """End the thread and wait for it; the history stays."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None

    def rows(self, *, seconds: float | None = None) -> list[Usage]:
        """Return the history by time, oldest first: of the last ``seconds``, or all that is kept."""
        with self._lock:
            wanted = [row for sampled in self._sampled.values() for row in tuple(sampled.rows)]
        if seconds is not None:
            oldest = datetime.now(tz=UTC) + self._clock_ahead - timedelta(seconds=seconds)
            wanted = [row for row in wanted if row.time >= oldest]
        return sorted(wanted, key=lambda row: row.time)

    def frame(self) -> pd.DataFrame:
        """Return the history as a DataFrame; its columns are the fields of ``stats.Usage``."""
        return stats.frame(self.rows())

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, _t: type[BaseException] | None, _v: BaseException | None, _b: TracebackType | None) -> None:
        self.stop()

    def _run(self) -> None:
        due = time.monotonic()
        while not self._stop.is_set():
            try:
                self._sample_all()
            except EngineUnavailable:
                self._stop.wait(_RETRY_SECONDS)
            due = max(due + self._interval, time.monotonic())  # late: go on from now, do not catch up
            self._stop.wait(due - time.monotonic())

    def _sample_all(self) -> None:
        with self._lock:
            sampled = [one for one in self._sampled.values() if not one.is_gone]
        for one in sampled:
            if self._stop.is_set():
                return
            try:
                self._take(one, stats.parse(get_json(self._engine, f"/containers/{one.id}/stats?stream=0&one-shot=1")))
            except ContainerGone:
                one.is_gone = True
                one.rows.append(Usage(self._now(), one.name, "gone"))
            except EngineRefused:
                continue  # it is being started or removed; the next round knows

    def _take(self, one: _Sampled, sample: Sample | None) -> None:
        if sample is None:
            one.previous = None
            one.rows.append(Usage(self._now(), one.name, "stopped"))
            return
        self._clock_ahead = sample.time - datetime.now(tz=UTC)
        one.rows.append(stats.usage(one.previous, sample, one.name))
        if one.previous is None or not stats.too_close(one.previous, sample):
            one.previous = sample

    def _now(self) -> datetime:
        return datetime.now(tz=UTC) + self._clock_ahead
