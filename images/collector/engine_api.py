"""The engine's API over its socket: which containers there are, and the log of one as it grows."""

from __future__ import annotations

import http.client
import json
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

READ_BYTES = 256 * 1024
TIMEOUT_SECONDS = 10.0
STREAMS = {1: "stdout", 2: "stderr"}


class Refused(Exception):
    """The engine answered, and not with what was asked for."""

    def __init__(self, status: int, body: bytes) -> None:
        super().__init__(f"{status}: {body[:200].decode(errors='replace')}")
        self.status = status


class Connection(http.client.HTTPConnection):
    """HTTP through a socket of the file system."""

    def __init__(self, path: Path, timeout: float | None) -> None:
        super().__init__("localhost", timeout=timeout)
        self._path = path

    def connect(self) -> None:
        """Connect to the socket."""
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))


def get(path: Path, address: str) -> Any:
    """Ask for JSON. Raises OSError, http.client.HTTPException or Refused."""
    connection = Connection(path, TIMEOUT_SECONDS)
    try:
        connection.request("GET", address)
        answer = connection.getresponse()
        body = answer.read()
        if answer.status != http.client.OK:
            raise Refused(answer.status, body)
        return json.loads(body)
    finally:
        connection.close()


def containers(path: Path, session: str, label: str) -> list[dict[str, Any]]:
    """Every container of a session, running or not."""
    filters = quote(json.dumps({"label": [f"{label}={session}"]}))
    found: list[dict[str, Any]] = get(path, f"/containers/json?all=1&filters={filters}")
    return found


def follow(path: Path, container: str, since: str) -> Iterator[tuple[str, str, bytes]]:
    """Every record of a log from a time on (that time included), as it is written: stream, time, text.

    Ends when the container does. A record is what the engine keeps: a line, or a piece of 16 KiB.
    """
    asked = {"follow": 1, "stdout": 1, "stderr": 1, "timestamps": 1, "since": since or 0}
    connection = Connection(path, None)
    try:
        connection.request("GET", f"/containers/{container}/logs?{urlencode(asked)}")
        answer = connection.getresponse()
        if answer.status != http.client.OK:
            raise Refused(answer.status, answer.read())
        raw = answer.headers.get("Content-Type", "").endswith("raw-stream")
        for stream, message in _lines(answer) if raw else _frames(answer):
            time, _, text = message.partition(b" ")
            yield stream, time.decode("ascii", "replace"), text
    finally:
        connection.close()


def _frames(answer: http.client.HTTPResponse) -> Iterator[tuple[str, bytes]]:
    """What the engine sends for a container without a terminal: a header of eight bytes before each record."""
    data = b""
    while some := answer.read1(READ_BYTES):
        data, at = data + some, 0
        while len(data) - at >= 8:
            end = at + 8 + int.from_bytes(data[at + 4 : at + 8], "big")
            if len(data) < end:
                break
            yield STREAMS.get(data[at], "stdout"), data[at + 8 : end]
            at = end
        data = data[at:]


def _lines(answer: http.client.HTTPResponse) -> Iterator[tuple[str, bytes]]:
    """What it sends for one with a terminal: lines, and one stream."""
    data = b""
    while some := answer.read1(READ_BYTES):
        *lines, data = (data + some).split(b"\n")
        for line in lines:
            yield "stdout", line + b"\n"
