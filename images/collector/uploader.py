"""The uploader: from parts on the disk to objects in the bucket. It removes a part once the bucket has it.

A part always becomes the same bytes under the same key. Killed between sending and removing it sends it once more,
which changes nothing.
"""

from __future__ import annotations

import gzip
import signal
import time
from collections.abc import Mapping

from . import settings, spool
from .bucket import Bucket, NotTaken
from .settings import TALK, Settings
from .spool import Part
from .words import leave, now, say

LOOK_SECONDS = 0.1
AGAIN_SECONDS = 0.5
COMPRESSION = 4


class Uploader:
    """Sends what is committed, one part after the other."""

    def __init__(self, told: Settings) -> None:
        self.told = told
        self._away_since: str | None = None
        self._sign_at = 0.0
        self._sent = 0
        self._bucket = Bucket(told.endpoint, told.bucket, told.key_id, told.key)

    def send_what_waits(self) -> bool:
        """Send every committed part; False if the bucket did not take one."""
        state = spool.committed(self.told.folder)
        for part in spool.waiting(self.told.folder) if state else []:
            later = part.spool == state["spool"] and part.generation > state["generation"]  # type: ignore[index]
            if not later and not self._send(part):
                return False
            self.sign()
        return True

    def sign(self, error: str = "") -> None:
        """Leave a sign of life, once a second."""
        if error or time.monotonic() - self._sign_at > 1:
            self._sign_at = time.monotonic()
            word = {"away_since": self._away_since, "error": error, "sent": self._sent}
            leave(TALK / "uploader.json", word)

    def _send(self, part: Part) -> bool:
        body = gzip.compress(part.path.read_bytes(), COMPRESSION, mtime=0)
        try:
            self._bucket.put(part.key, body)
        except NotTaken as error:
            self._away(error)
            return False
        part.path.unlink()
        self._sent += 1
        if self._away_since is not None:
            say("info", "the bucket is there again", away_since=self._away_since)
            self._away_since, self._sign_at = None, 0.0
            self.sign()
        return True

    def _away(self, error: NotTaken) -> None:
        reason = str(error)[:300]
        if self._away_since is None:
            self._away_since = now()
            say("error", "the bucket cannot be reached, lines wait on the disk", error=reason)
        self.sign(reason)


def run(environment: Mapping[str, str]) -> int:
    """Send until SIGTERM, then what still waits; return the exit code."""
    uploader = Uploader(settings.read(environment))
    stopping: list[int] = []
    signal.signal(signal.SIGTERM, lambda got, _frame: stopping.append(got))
    (uploader.told.folder / settings.PARTS).mkdir(parents=True, exist_ok=True)
    while not stopping:
        uploader.sign()
        time.sleep(LOOK_SECONDS if uploader.send_what_waits() else AGAIN_SECONDS)
    return 0 if uploader.send_what_waits() else 1
