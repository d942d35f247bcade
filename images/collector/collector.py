"""The collector: it reads logs and commits parts, and a thread uploads them."""

import gzip
import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from .checkpoint import Checkpoint, save
from .engine_api import EngineApi
from .json_files import Folder
from .parts import is_committed, object_key, read_checkpoint, restore, waiting_parts
from .records import DEFAULT_ENVIRONMENT, Identity, Position, Record, gap, now, say
from .settings import Settings

STATE = Path("/tmp/state.json")  # noqa: S108
"""What the collector says of itself."""
FLUSH = Path("/tmp/flush")  # noqa: S108
"""A file to touch for a commit at once."""
LOOK_SECONDS = 0.05
RETRY_SECONDS = 0.5
COMMIT_BYTES = 8 * 1024 * 1024

LOST = "the checkpoint was lost: lines may be missing, or there twice"
REMOVED = "the container was removed while the collector was away"


class Uploader:
    """Uploads parts and removes each after the upload.

    A part always becomes the same bytes under the same key, so a second upload after a crash changes nothing.
    """

    def __init__(self, settings: Settings, client: Any) -> None:
        self.generation = -1  # up to this one everything is in the bucket
        self.waiting_bytes = 0
        self.away_since: str | None = None
        self.stopping = threading.Event()
        self._folder = settings.folder
        self._bucket = settings.bucket
        self._client = client

    def run(self) -> None:
        """Upload until ``stopping`` is set, then upload the rest, if the bucket answers."""
        while not self.stopping.is_set():
            self.stopping.wait(LOOK_SECONDS if self.upload() else RETRY_SECONDS)
        self.upload()

    def upload(self) -> bool:
        """Upload every committed part, the oldest first; return False if an upload failed."""
        checkpoint = read_checkpoint(self._folder) or {"spool": "", "generation": -1}
        parts = [part for part in waiting_parts(self._folder) if is_committed(part, checkpoint)]
        self.waiting_bytes = sum(part.stat().st_size for part in parts)
        for part in parts:
            content = part.read_bytes()
            try:
                self._client.put_object(
                    Bucket=self._bucket, Key=object_key(part), Body=gzip.compress(content, 4, mtime=0)
                )
            except (BotoCoreError, ClientError) as error:
                if self.away_since is None:
                    self.away_since = now()
                    say("error", "the bucket cannot be reached, lines wait on the disk", error=str(error)[:300])
                return False
            part.unlink()
            self.waiting_bytes -= len(content)
            if self.away_since is not None:
                say("info", "the bucket is there again", away_since=self.away_since)
                self.away_since = None
        self.generation = checkpoint["generation"]
        return True


class Collector:
    """Reads every log and commits what it read."""

    def __init__(self, settings: Settings, uploader: Uploader) -> None:
        FLUSH.touch()
        state, lost = restore(settings.folder)
        self.checkpoint = Checkpoint(settings.folder, state)
        save(self.checkpoint)  # from now on a missing container is a loss
        positions = self.checkpoint.positions
        self.source = EngineApi(settings, positions) if settings.source.is_socket() else Folder(settings, positions)
        self.settings = settings
        self.uploader = uploader
        self._uncommitted_bytes = 0
        self._committed_at = 0.0
        self._pending = (self.checkpoint.generation, 0.0)  # this generation has everything written before this time
        self._delivered_at = 0.0  # everything written before this time is in the bucket
        if lost:
            own = Identity("", DEFAULT_ENVIRONMENT, "collector")
            self._take(own, {}, [gap(own, LOST)], ended=True)
        for container in positions.keys() - self.source.discover():
            position = positions[container]
            removed = Identity(container, position["environment"], position["service"])
            self._take(removed, position, [gap(removed, REMOVED, position["time"])], ended=True)

    def run(self, stopping: threading.Event) -> None:
        """Collect until ``stopping`` is set; then read, commit and upload the rest."""
        with ThreadPoolExecutor(1) as pool:
            uploading = pool.submit(self.uploader.run)
            try:
                while not stopping.is_set() and not uploading.done():
                    if not self.look():
                        stopping.wait(LOOK_SECONDS)
                self.look()
                self.checkpoint.commit()
            finally:
                self.uploader.stopping.set()
        uploading.result()  # raises what ended it

    def look(self) -> bool:
        """Read new lines and commit if it is due; return whether there were any."""
        looked_at = time.time()
        full = self.uploader.waiting_bytes >= self.settings.buffer_bytes  # the engine's own files are the next buffer
        found = not full and self._read()
        waited = time.monotonic() - self._committed_at > self.settings.flush_seconds
        due = waited or looked_at - FLUSH.stat().st_mtime < 1
        if self._uncommitted_bytes > (0 if due else COMMIT_BYTES):
            self.checkpoint.commit()
            self._uncommitted_bytes = 0
            self._committed_at = time.monotonic()
        if self.uploader.generation >= self._pending[0]:
            self._delivered_at = self._pending[1]
            if not full and not self._uncommitted_bytes and all(log.drained for log in self.source.logs.values()):
                self._pending = (self.checkpoint.generation, looked_at)
        self._report(full)
        return found

    def _read(self) -> bool:
        """Read the new lines of every log; return whether there were any."""
        self.source.discover()
        found = False
        for log in self.source.logs.values():
            records = log.read()
            if records or log.ended:
                self._take(log.identity, log.position, records, ended=log.ended)
                found = True
        return found

    def _take(self, identity: Identity, position: Position, records: list[Record], *, ended: bool) -> None:
        parts: dict[str, list[bytes]] = {}
        for record in records:
            parts.setdefault(record.part, []).append(record.content)
        self.checkpoint.take(identity.container, dict(position), parts)
        if ended:
            self.checkpoint.positions.pop(identity.container, None)
        self._uncommitted_bytes += 1 + sum(len(record.content) for record in records)  # 1: the position has changed

    def _report(self, full: bool) -> None:
        state = {
            "source": self.source.name,
            "settle_seconds": self.source.settle_seconds,
            "containers": len(self.source.logs),
            "full": full,
            "waiting_bytes": self.uploader.waiting_bytes,
            "away_since": self.uploader.away_since,
            "delivered_at": self._delivered_at,
        }
        STATE.with_suffix(".new").write_text(json.dumps(state))
        STATE.with_suffix(".new").replace(STATE)
