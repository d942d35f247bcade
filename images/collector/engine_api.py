"""Logs from the engine's API: for engines whose folder of containers cannot be mounted.

The engine itself follows its files through rotations then, and does not say when it lost lines.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime

import docker
from docker.errors import NotFound

from .records import Identity, Log, Position, Record, gap, identify, record, say
from .settings import SESSION_LABEL, Settings

LIST_SECONDS, AGAIN_SECONDS = 0.25, 1.0
QUEUED_RECORDS = 2_000
STREAMS = ("stdout", "stderr")

ROTATED = "the log was rotated before it was received"


class EngineApi:
    """The source of logs where the engine's socket is mounted; ``logs`` has them by container."""

    name, settle_seconds = "api", 1.0

    def __init__(self, settings: Settings, positions: Mapping[str, Position]) -> None:
        self.logs: dict[str, EngineLog] = {}
        self._settings, self._positions = settings, dict(positions)
        self._client = docker.APIClient(f"unix://{settings.source}")
        self._ids: set[str] = set()
        self._listed_at = 0.0

    def discover(self) -> set[str]:
        """Add the logs of new containers, forget those that ended, and return the ids of all containers."""
        self.logs = {container: log for container, log in self.logs.items() if not log.ended}
        if time.monotonic() - self._listed_at > LIST_SECONDS:
            self._listed_at = time.monotonic()
            filters = {"label": f"{SESSION_LABEL}={self._settings.session}"}
            listed = {one["Id"]: one for one in self._client.containers(all=True, filters=filters)}
            self._ids = set(listed)
            for container in self._ids - self.logs.keys():
                labels = listed[container]["Labels"]
                if self._settings.collects(labels):
                    identity = identify(container, listed[container]["Names"][0], labels)
                    self.logs[container] = EngineLog(self._client, identity, self._positions.pop(container, None))
        return self._ids


class EngineLog(Log):
    """One container's log: a thread for each stream receives it until the container is removed."""

    def __init__(self, client: docker.APIClient, identity: Identity, position: Position | None) -> None:
        super().__init__(identity, position)
        self._client = client
        self._queue: queue.Queue[tuple[Record, Position]] = queue.Queue(QUEUED_RECORDS)  # full: the engine waits
        self._arrived: dict[str, tuple[float, str]] = {}  # by stream: when the last record arrived, and its own time
        self._threads = [threading.Thread(target=self._follow, args=(stream,), daemon=True) for stream in STREAMS]
        for thread in self._threads:
            thread.start()

    def receive(self) -> bool:
        """Add what the threads have received."""
        gone = not any(thread.is_alive() for thread in self._threads)
        for _ in range(self._queue.qsize()):
            self.add(*self._queue.get())
        self.drained = self._queue.empty() and not any(map(self._is_behind, STREAMS))
        return gone

    def _is_behind(self, stream: str) -> bool:
        """Whether records are arriving that were written a while ago."""
        arrived_at, moment = self._arrived.get(stream, (0.0, ""))
        settled_at = time.time() - EngineApi.settle_seconds
        return arrived_at > settled_at and datetime.fromisoformat(f"{moment[:26]}+00:00").timestamp() < settled_at

    def _follow(self, stream: str) -> None:
        """Receive a stream from the position on: the latest time, and how many records have it."""
        latest, known = self.position.get(stream) or ("", 0)
        container, only = self.identity.container, {name: name == stream for name in STREAMS}
        while True:
            since, skip = datetime.fromisoformat(latest[:19]) if latest else None, known
            try:
                terminal = self._client.inspect_container(container)["Config"]["Tty"]
                chunks = self._client.logs(container, **only, stream=True, follow=True, timestamps=True, since=since)
                for line in _lines(chunks) if terminal else chunks:
                    moment, _, text = line.decode(errors="replace").partition(" ")
                    if moment < latest or (moment == latest and skip):
                        skip -= moment == latest
                        continue
                    if skip:
                        self._queue.put((gap(self.identity, ROTATED, latest), {}))
                        skip = 0
                    new = record(self.identity, text, stream, moment)
                    latest, known = moment, known + 1 if moment == latest else 1
                    self._arrived[stream] = time.time(), moment
                    self._queue.put((new, {stream: [latest, known]}))
            except NotFound:
                return
            except Exception as error:
                say("warning", "a log was interrupted", service=self.identity.service, error=str(error))
            time.sleep(AGAIN_SECONDS)  # it has stopped, and may be started again


def _lines(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """The lines of a container with a terminal, whose chunks begin and end anywhere."""
    rest = b""
    for chunk in chunks:
        *lines, rest = (rest + chunk).split(b"\n")
        yield from (line + b"\n" for line in lines)
    if rest:
        yield rest
