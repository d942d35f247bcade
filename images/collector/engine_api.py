"""Logs from the engine's API, for engines whose folder of containers cannot be mounted.

Each log is requested again and again: the engine's follow mode skips whole files of a log that grows faster than it
is read.
"""

import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from functools import partial
from io import BytesIO
from typing import Any

import docker
from docker.errors import APIError, NotFound

from .records import Identity, Log, Position, identify, record, say
from .settings import SESSION_LABEL, Settings

LIST_SECONDS = 0.25
ASK_SECONDS = 0.5
REFUSED_SECONDS = 30.0
MAX_RECORDS = 10_000  # that one answer may add, before other logs get their turn
STREAMS = ("stdout", "stderr")

ROTATED = "the log was rotated before it was received"


class EngineApi:
    """The source of logs where the engine's socket is mounted; ``logs`` has them by container."""

    name = "api"
    settle_seconds = 1.0

    def __init__(self, settings: Settings, positions: Mapping[str, Position]) -> None:
        self.logs: dict[str, EngineLog] = {}
        self._settings = settings
        self._positions = dict(positions)
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
    """One container's log. The position of a stream is the latest time and the number of its records with that time."""

    def __init__(self, client: docker.APIClient, identity: Identity, position: Position | None) -> None:
        super().__init__(identity, position)
        self._client = client
        self._received = {stream: self.position.get(stream, ["", 0]) for stream in STREAMS}
        self._ask_at = 0.0

    def receive(self) -> bool:
        """Request new records, unless the last request was a moment ago."""
        if self.drained and time.monotonic() < self._ask_at:
            return False
        self._ask_at = time.monotonic() + ASK_SECONDS
        self.drained = True
        try:
            container = self._client.inspect_container(self.identity.container)
            self.drained = max([self._receive(container, stream) for stream in STREAMS]) < MAX_RECORDS
        except NotFound:
            return True
        except APIError as error:
            say("warning", "a log cannot be read", service=self.identity.service, error=str(error))
            self._ask_at += REFUSED_SECONDS
        return False

    def _receive(self, container: Mapping[str, Any], stream: str) -> int:
        """Add a stream's records from its position on, and return how many there were."""
        latest, known = self._received[stream]
        skip = known
        count = 0
        for message in self._messages(container, stream, latest):
            moment, _, text = message.decode(errors="replace").partition(" ")
            moment = in_utc(moment)
            if moment < latest or (moment == latest and skip):
                skip -= moment == latest
                continue
            if skip:
                self.add_gap(ROTATED)

            known = known + 1 if moment == latest else 1
            latest = moment
            skip = 0
            self._received[stream] = [latest, known]
            self.add(record(self.identity, text, stream, moment), {stream: [latest, known]})
            count += 1
            if count == MAX_RECORDS:
                break
        return count

    def _messages(self, container: Mapping[str, Any], stream: str, latest: str) -> Iterator[bytes]:
        """Yield the engine's records of a stream since the second of the latest record."""
        since = datetime.fromisoformat(f"{latest[:19]}Z") if latest else None
        only = {name: name == stream for name in STREAMS}
        terminal = container["Config"]["Tty"]  # its chunks begin and end anywhere
        ask = partial(self._client.logs, container["Id"], **only, follow=False, timestamps=True, since=since)
        if not terminal:
            yield from ask(stream=True)
            return
        is_over = not container["State"]["Running"]
        for line in BytesIO(ask(stream=False)):
            if is_over or line.endswith(b"\n"):
                yield line


def in_utc(moment: str) -> str:
    """Return a time in UTC with all its digits: Podman writes it in the zone of its machine."""
    if moment.endswith("Z"):
        return moment
    seconds = moment[:19]
    fraction = moment[19:-6]
    return f"{datetime.fromisoformat(seconds + moment[-6:]).astimezone(UTC):%Y-%m-%dT%H:%M:%S}{fraction}Z"
