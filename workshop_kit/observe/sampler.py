"""Watch many containers at once: one thread, one cheap request a container and second, a bounded history."""

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
from workshop_kit.observe.stats import Sample, Usage
from workshop_kit.observe.wire import Ask, Away, Gone, Refused, asker, sdk

_RETRY_SECONDS = 1.0


class _Watched:
    """One container in the sampler's hands; only its thread touches ``previous``."""

    def __init__(self, container_id: str, name: str, rows_kept: int) -> None:
        self.id = container_id
        self.name = name
        self.previous: Sample | None = None
        self.rows: deque[Usage] = deque(maxlen=rows_kept)
        self.is_gone = False


class Sampler:
    """Samples the statistics of containers until it is stopped; a context manager.

    A container that stops gives rows of NaN with the state ``stopped``; one that is removed ends with one row ``gone``.
    When the engine goes away the sampler waits for it and says so in ``condition``; nothing is raised.
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
        self._watched: dict[str, _Watched] = {}
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._away_since: datetime | None = None
        self._clock_ahead = timedelta(0)  # of the engine before ours: rows without a sample get the engine's time, too
        for container in containers:
            self.add(container)

    def add(self, container: Any, name: str | None = None) -> None:
        """Watch one more container, under its own name or another; to add it again changes nothing but the name."""
        container = sdk(container)
        with self._lock:
            known = self._watched.setdefault(container.id, _Watched(container.id, container.name, self._rows_kept))
            known.name = name or known.name

    def remove(self, container: Any) -> None:
        """Watch it no more, and forget its history."""
        with self._lock:
            self._watched.pop(sdk(container).id, None)

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

    def rows(self, container: Any = None, *, seconds: float | None = None) -> list[Usage]:
        """The history by time, oldest first: of one container or all, of the last ``seconds`` or all that is kept."""
        with self._lock:
            wanted = [
                row
                for watched in self._watched.values()
                if container is None or watched.id == sdk(container).id
                for row in tuple(watched.rows)
            ]
        if seconds is not None:
            oldest = datetime.now(tz=UTC) + self._clock_ahead - timedelta(seconds=seconds)
            wanted = [row for row in wanted if row.time >= oldest]
        return sorted(wanted, key=lambda row: row.time)

    def frame(self, container: Any = None, *, seconds: float | None = None) -> pd.DataFrame:
        """``rows`` as a DataFrame; its columns are described at ``stats.Usage``, their types at ``stats.frame``."""
        return stats.frame(self.rows(container, seconds=seconds))

    @property
    def condition(self) -> str:
        """One sentence on what it does now."""
        if self._thread is None:
            return "The sampler is stopped."
        if self._away_since is not None:
            return f"The engine has not answered since {self._away_since:%H:%M:%S} UTC; trying again."
        with self._lock:
            alive = sum(not watched.is_gone for watched in self._watched.values())
        return f"Sampling {alive} container{'' if alive == 1 else 's'} every {self._interval:g} s."

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, _t: type[BaseException] | None, _v: BaseException | None, _b: TracebackType | None) -> None:
        self.stop()

    def _run(self) -> None:
        ask = asker(self._engine)
        due = time.monotonic()
        while not self._stop.is_set():
            try:
                self._sample_all(ask)
                self._away_since = None
            except Away:
                self._away_since = self._away_since or datetime.now(tz=UTC)
                self._stop.wait(_RETRY_SECONDS)
            due = max(due + self._interval, time.monotonic())  # late: go on from now, do not catch up
            self._stop.wait(due - time.monotonic())

    def _sample_all(self, ask: Ask) -> None:
        with self._lock:
            watched = [one for one in self._watched.values() if not one.is_gone]
        for one in watched:
            if self._stop.is_set():
                return
            try:
                self._take(one, stats.parse(ask(f"/containers/{one.id}/stats?stream=0&one-shot=1")))
            except Gone:
                one.is_gone = True
                one.rows.append(Usage(self._now(), one.name, "gone"))
            except Refused:
                continue  # it is just being started or removed; the next round will tell

    def _take(self, one: _Watched, sample: Sample | None) -> None:
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
