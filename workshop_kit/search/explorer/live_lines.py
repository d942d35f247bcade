"""Lines that come while one looks: one thread adds them, another tells of them, four times a second at most."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from typing import Self

import pandas as pd

from workshop_kit.errors import WorkshopError
from workshop_kit.screen import visible

Follow = Callable[[threading.Event], Iterable[pd.DataFrame]]
"""Called with an event, yields frames of lines until it is set: ``lambda stop: follow(container, stop)``."""

TELL_SECONDS = 0.25
BEAT_SECONDS = 1.0
JOIN_SECONDS = 10.0


class Following:
    """Hands every frame of ``source`` to ``add``; calls ``tell`` after some came, and at least once a second.

    ``problem`` is one sentence when the source failed, ``why`` what a source that ended said of it (``ended``, as a
    container's log has it). Its threads end with `stop`, with the source, and with Python.
    """

    def __init__(
        self, source: Follow, add: Callable[[pd.DataFrame], None], tell: Callable[[bool], None], name: str
    ) -> None:
        self.problem, self.why = "", ""
        self.failure: Exception | None = None
        self._source, self._add, self._tell = source, add, tell
        self._stop, self._came = threading.Event(), threading.Event()
        self._adding = threading.Thread(target=self._follow, name=f"{name}: lines", daemon=True)
        self._telling = threading.Thread(target=self._report, name=f"{name}: news", daemon=True)

    def start(self) -> Self:
        """Begin."""
        self._adding.start()
        self._telling.start()
        return self

    @property
    def ended(self) -> bool:
        """Whether no more lines are waited for."""
        return self._stop.is_set() or not self._adding.is_alive()

    def wait(self, seconds: float) -> None:
        """Wait so long, or until the source ends."""
        self._adding.join(seconds)

    def stop(self) -> None:
        """End it; returns when what came before is told. A source that hears late is left to itself."""
        self._stop.set()
        for thread in (self._adding, self._telling):
            if thread is not threading.current_thread():
                thread.join(JOIN_SECONDS)

    def _follow(self) -> None:
        try:
            source = self._source(self._stop)
            for frame in source:
                self._add(frame)
                self._came.set()
                if self._stop.is_set():
                    break
            self.why = visible(str(getattr(source, "ended", "")))
        except WorkshopError as error:
            self.problem = visible(str(error))
        except Exception as error:  # its words may hold anything, so the page gets its kind only
            self.failure = error
            self.problem = f"Following ended because its source failed ({type(error).__name__}). Run this cell again."

    def _report(self) -> None:
        while not self.ended:
            came = self._came.wait(BEAT_SECONDS)
            self._came.clear()
            self._tell(came)
            self._stop.wait(TELL_SECONDS)
        self._adding.join(JOIN_SECONDS)
        self._tell(True)
