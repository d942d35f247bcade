"""Ask a container over HTTP without trusting it: every exchange has a hard end and a cap, and nothing raises."""

from __future__ import annotations

import contextlib
import http.client
import io
import json
import socket
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

ANSWER_LIMIT_BYTES = 256 * 1024
READ_BYTES = 64 * 1024

NOBODY = "nobody took the connection"
HUNG_UP = "it hung up without an answer"
BROKE_OFF = "its answer broke off"
NOT_HTTP = "what it answered is not HTTP"
TOO_MUCH = f"its answer is longer than {ANSWER_LIMIT_BYTES // 1024} KiB"


@dataclass(frozen=True)
class Answer:
    """What came back: a status with body and headers (names in lower case), or None and the ``failure`` in words."""

    status: int | None
    seconds: float
    body: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    failure: str = ""

    def json(self) -> Any:
        """The body as JSON, or None if it is none."""
        with contextlib.suppress(ValueError, RecursionError):
            return json.loads(self.body)
        return None

    def __str__(self) -> str:
        return self.failure or str(self.status)


class Request:
    """One request on a connection of its own, sent in as many parts as one likes, then answered."""

    def __init__(self, port: int | None, *, connect_seconds: float = 2.0) -> None:
        self._started = time.monotonic()
        self._failure = ""
        self._received = b""
        self._socket: socket.socket | None = None
        try:
            if port is None:
                raise ConnectionRefusedError
            self._socket = socket.create_connection(("127.0.0.1", port), timeout=connect_seconds)
        except OSError:
            self._failure = NOBODY

    def send(self, part: bytes) -> None:
        """Send some bytes; that the other side is gone shows in the answer."""
        if self._socket is not None:
            with contextlib.suppress(OSError):  # it may have answered before it hung up
                self._socket.settimeout(2.0)
                self._socket.sendall(part)

    def wait_taken(self, within_seconds: float = 2.0) -> bool:
        """Wait for the ``100 Continue`` that says: I read your headers, and I am waiting for your body."""
        ends_at = time.monotonic() + within_seconds
        while not self._received.startswith(b"HTTP/1.1 100"):
            if not self._receive(ends_at):
                return False
        return True

    def answer(self, within_seconds: float = 2.0) -> Answer:
        """Read the answer until it is complete or the time is up, however slowly it drips."""
        ends_at = time.monotonic() + within_seconds
        while True:
            self._received = _without_interim(self._received)
            found = _parsed(self._received, ended=bool(self._failure))
            if found is None and len(self._received) > ANSWER_LIMIT_BYTES:
                found = {"status": None, "failure": TOO_MUCH}
            if found is None and self._failure:
                broke_off = self._failure == HUNG_UP and self._received
                found = {"status": None, "failure": BROKE_OFF if broke_off else self._failure}
            if found is not None:
                return Answer(seconds=time.monotonic() - self._started, **found)
            if not self._receive(ends_at) and not self._failure:
                self._failure = f"no answer within {within_seconds:.3g} s"

    def close(self) -> None:
        """Hang up."""
        if self._socket is not None:
            self._socket.close()

    def _receive(self, ends_at: float) -> bool:
        """Take what has come; False if the time is up or the other side hung up (then ``_failure`` says so)."""
        left = ends_at - time.monotonic()
        if self._failure or self._socket is None or left <= 0:
            return False
        try:
            self._socket.settimeout(left)
            part = self._socket.recv(READ_BYTES)
        except TimeoutError:
            return False
        except OSError:
            part = b""
        self._received += part
        if not part:
            self._failure = HUNG_UP
        return bool(part)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, _t: type[BaseException] | None, _v: BaseException | None, _b: TracebackType | None) -> None:
        self.close()


def head(method: str, path: str, headers: Mapping[str, str]) -> bytes:
    """The request line and the headers, to be followed by the body."""
    lines = [f"{method} {path} HTTP/1.1", "Host: localhost", "Connection: close"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode()


def ask(
    port: int | None,
    method: str,
    path: str,
    body: bytes = b"",
    *,
    headers: Mapping[str, str] | None = None,
    within_seconds: float = 2.0,
) -> Answer:
    """One whole exchange; the body, if there is one, is JSON."""
    about_body = {"Content-Type": "application/json", "Content-Length": str(len(body))} if body else {}
    with Request(port, connect_seconds=within_seconds) as request:
        request.send(head(method, path, {**about_body, **(headers or {})}) + body)
        return request.answer(within_seconds)


def _without_interim(received: bytes) -> bytes:
    while received.startswith(b"HTTP/1.1 1") and b"\r\n\r\n" in received:
        received = received.partition(b"\r\n\r\n")[2]
    return received


def _parsed(received: bytes, *, ended: bool) -> dict[str, Any] | None:
    """The parts of an answer, or None while it is not complete; ``ended``: nothing more will come."""
    if b"\r\n\r\n" not in received:
        return None
    response = http.client.HTTPResponse(_Received(received))  # type: ignore[arg-type]
    try:
        response.begin()
        body = response.read()
    except http.client.IncompleteRead:
        return None
    except (http.client.HTTPException, ValueError):
        return {"status": None, "failure": NOT_HTTP}
    if response.headers.get("Content-Length") is None and not response.chunked and not ended:
        return None
    headers = {name.lower(): value for name, value in response.headers.items()}
    return {"status": response.status, "body": body.decode(errors="replace"), "headers": headers}


class _Received:
    """Bytes in place of the socket that http.client reads from."""

    def __init__(self, received: bytes) -> None:
        self._received = received

    def makefile(self, _mode: str) -> io.BytesIO:
        return io.BytesIO(self._received)
