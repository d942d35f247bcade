"""Connections and HTTP requests to a clone."""

from __future__ import annotations

import socket
import time
from dataclasses import dataclass

CONNECT_SECONDS = 0.3
ANSWER_BYTES = 512 * 1024


@dataclass(frozen=True)
class Answer:
    """The answer to a GET: ``status`` is None if it was not HTTP, or if no answer came in time."""

    path: str
    status: int | None
    body: bytes
    seconds: float
    late: bool = False

    def is_like(self, other: Answer) -> bool:
        """Whether two answers are equal apart from their own path in the body."""
        mine, theirs = (one.body.replace(one.path.encode(), b"") for one in (self, other))
        return self.status == other.status and mine == theirs

    def __str__(self) -> str:
        said = "no answer in time" if self.late else f"{self.status}" if self.status else "no HTTP"
        return f"{self.path}: {said} after {self.seconds:.2f} s"


def is_on_bridge_network(address: str, gateway: str) -> bool:
    """Whether this machine is on the container's network; with Docker Desktop it is not."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect((address, 9))  # nothing is sent
            return bool(probe.getsockname()[0] == gateway)
        except OSError:
            return False


def accepts(address: str, port: int) -> bool:
    """Whether the port accepts a TCP connection."""
    try:
        with socket.create_connection((address, port), timeout=CONNECT_SECONDS):
            return True
    except OSError:
        return False


def get(address: str, port: int, path: str, *, within_seconds: float) -> Answer:
    """Send a GET and read what comes, no longer than ``within_seconds`` and no more than 512 KiB of it."""
    started = time.monotonic()
    received, late = b"", False
    try:
        with socket.create_connection((address, port), timeout=within_seconds) as connection:
            connection.sendall(f"GET {path} HTTP/1.0\r\nHost: {address}\r\nAccept: */*\r\n\r\n".encode())
            while len(received) < ANSWER_BYTES:
                left = started + within_seconds - time.monotonic()
                if left <= 0:
                    raise TimeoutError
                connection.settimeout(left)
                if not (piece := connection.recv(65536)):
                    break
                received += piece
    except TimeoutError:
        late = True
    except OSError:
        pass
    status, body = _parsed(received)
    return Answer(path, status, body, time.monotonic() - started, late)


def _parsed(received: bytes) -> tuple[int | None, bytes]:
    head, _, body = received.partition(b"\r\n\r\n")
    words = head.partition(b"\r\n")[0].split()
    if len(words) < 2 or not words[0].startswith(b"HTTP/") or not words[1].isdigit():
        return None, received
    return int(words[1]), body
