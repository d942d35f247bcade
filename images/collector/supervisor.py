"""Process 1: starts the reader and the uploader, starts either again when it dies, and ends both in order."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

from . import settings
from .words import say

AGAIN_SECONDS, AGAIN_AT_MOST_SECONDS = 0.2, 5.0
"""How long to wait before a part that died is started again; twice as long each time, unless it had run for a while."""
READER_SECONDS, UPLOADER_SECONDS = 4.0, 4.0
"""How long each may take to end: the reader commits what it has read, the uploader sends what waits."""


def run() -> int:
    """Run both until SIGTERM; return the exit code."""
    try:
        settings.read(os.environ)
    except settings.Unusable as wrong:
        say("fatal", "cannot start", error=str(wrong))
        return 1
    asked: list[int] = []
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda got, _frame: asked.append(got))
    children = {name: Part(name) for name in ("read", "upload")}
    say("info", "started", session=os.environ["WORKSHOP_SESSION"], endpoint=os.environ["COLLECTOR_ENDPOINT"])
    while not asked:
        for part in children.values():
            part.look_after()
        time.sleep(0.05)
    for name, seconds in (("read", READER_SECONDS), ("upload", UPLOADER_SECONDS)):
        children[name].end(seconds)
    say("info", "stopped")
    return 0


class Part:
    """One of the two processes."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._wait_seconds = AGAIN_SECONDS
        self._again_at: float | None = None
        self._start()

    def look_after(self) -> None:
        """Start it again, a while after it has died."""
        now = time.monotonic()
        if self._again_at is not None:
            if now >= self._again_at:
                self._start()
        elif (code := self._process.poll()) is not None:
            lasted = now - self._started > 2 * AGAIN_AT_MOST_SECONDS
            self._wait_seconds = AGAIN_SECONDS if lasted else min(2 * self._wait_seconds, AGAIN_AT_MOST_SECONDS)
            self._again_at = now + self._wait_seconds
            say("error", "died, starting again", part=self.name, exit_code=code)

    def end(self, seconds: float) -> None:
        """SIGTERM, and SIGKILL after a while."""
        self._process.terminate()
        try:
            self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _start(self) -> None:
        self._again_at, self._started = None, time.monotonic()
        self._process = subprocess.Popen([sys.executable, "-m", __package__, self.name])
