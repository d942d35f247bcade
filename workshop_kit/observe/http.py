"""The kit's HTTP client: one request, bounded in time and size, whose answer is data. It raises nothing.

It speaks on a socket of its own, since httpx limits the time between two bytes, not the time of a whole exchange.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import socket
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self
from urllib.parse import urlsplit

TIMEOUT_SECONDS = 2.0
BODY_LIMIT_BYTES = 1024 * 1024

REFUSED = "connection refused"
CLOSED = "connection closed without an answer"
CUT_OFF = "connection closed in the middle of the answer"
NOT_HTTP = "the answer is not HTTP"
TOO_LARGE = f"the answer is larger than {BODY_LIMIT_BYTES // 2**20} MiB"
_LATE = "no answer within"
CONNECT_SECONDS = 0.3


def is_port_open(address: str, port: int) -> bool:
    """Return whether a TCP port accepts a connection within `CONNECT_SECONDS`."""
    try:
        with socket.create_connection((address, port), timeout=CONNECT_SECONDS):
            return True
    except OSError:
        return False


@dataclass(frozen=True)
class Answer:
    """One answer: ``status``, ``headers`` (names in lower case) and ``body``, or status None and ``error``.

    ``seconds`` is the time from the connection to the last byte.
    """

    status: int | None
    seconds: float = 0.0
    body: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    error: str = ""
    url: str = ""

    @property
    def ok(self) -> bool:
        """Whether the status is between 200 and 399."""
        return self.status is not None and 200 <= self.status < 400

    @property
    def is_late(self) -> bool:
        """Whether the time was up before the answer was complete."""
        return self.error.startswith(_LATE)

    @property
    def path(self) -> str:
        """The path of the request."""
        return urlsplit(self.url).path

    def json(self) -> Any:
        """Return the body as JSON, or None if it is not JSON."""
        with contextlib.suppress(ValueError, RecursionError):
            return json.loads(self.body)
        return None

    def __str__(self) -> str:
        return self.error or str(self.status)


def request(
    method: str,
    url: str,
    *,
    json_body: Any = None,
    content: bytes | None = None,
    headers: Mapping[str, str] | None = None,
    timeout_seconds: float = TIMEOUT_SECONDS,
) -> Answer:
    """Send one request, with JSON or bytes as its body, and read the answer."""
    body = content or b""
    fields = dict(headers or {})
    if json_body is not None:
        body = json.dumps(json_body).encode()
        fields = {"Content-Type": "application/json", **fields}
    if body or content is not None:
        fields = {"Content-Length": str(len(body)), **fields}

    with Connection(url, timeout_seconds=timeout_seconds) as connection:
        connection.send_head(method, fields)
        connection.send(body)
        return connection.answer(timeout_seconds)


def get(url: str, *, headers: Mapping[str, str] | None = None, timeout_seconds: float = TIMEOUT_SECONDS) -> Answer:
    """Send one GET and read the answer."""
    return request("GET", url, headers=headers, timeout_seconds=timeout_seconds)


class Connection:
    """A connection for one request that is sent in parts."""

    def __init__(self, url: str, *, timeout_seconds: float = TIMEOUT_SECONDS) -> None:
        parts = urlsplit(url)
        query = f"?{parts.query}" if parts.query else ""
        self._url = url
        self._target = f"{parts.path or '/'}{query}"
        self._started = time.monotonic()
        self._http = http.client.HTTPConnection(parts.netloc, timeout=timeout_seconds)
        self._socket: _BoundedSocket | None = None
        self._error = REFUSED

        try:
            self._http.connect()
            self._socket = _BoundedSocket(fileno=self._http.sock.detach())
            self._http.sock = self._socket
        except TimeoutError:
            self._error = f"{_LATE} {timeout_seconds:.3g} s"
        except OSError:
            pass  # it is refused

    def send_head(self, method: str, headers: Mapping[str, str]) -> None:
        """Send the request line and the headers."""
        if self._socket is None:
            return

        fields = {"Connection": "close", "Accept": "*/*", **headers}
        has_host = any(name.lower() == "host" for name in fields)
        self._socket.settimeout(TIMEOUT_SECONDS)
        self._http.putrequest(method, self._target, skip_host=has_host, skip_accept_encoding=True)
        for name, value in fields.items():
            self._http.putheader(name, value)
        with contextlib.suppress(OSError):
            self._http.endheaders()

    def send(self, part: bytes) -> None:
        """Send some bytes; a closed connection shows in the answer."""
        if self._socket is not None:
            with contextlib.suppress(OSError):  # it may have answered before it closed the connection
                self._socket.sendall(part)

    def wait_continue(self, timeout_seconds: float = TIMEOUT_SECONDS) -> None:
        """Wait for ``100 Continue``: the service has read the headers and waits for the body."""
        if self._socket is not None:
            self._socket.settimeout(timeout_seconds)
            with contextlib.suppress(OSError):
                self._socket.recv(1, socket.MSG_PEEK)

    def answer(self, timeout_seconds: float = TIMEOUT_SECONDS) -> Answer:
        """Read the answer until it is complete, too large, or the time is up. A connection has one answer."""
        if self._socket is None:
            return self._failed_answer(self._error)

        self._socket.ends_at = time.monotonic() + timeout_seconds
        try:
            response = self._http.getresponse()
            body = response.read().decode(errors="replace")
            seconds = time.monotonic() - self._started
            return Answer(response.status, seconds, body, _joined_headers(response.headers), url=self._url)
        except TimeoutError:
            error = f"{_LATE} {timeout_seconds:.3g} s"
        except _TooLarge:
            error = TOO_LARGE
        except http.client.RemoteDisconnected:
            error = CLOSED
        except (http.client.IncompleteRead, OSError):
            error = CUT_OFF if self._socket.received_bytes else CLOSED
        except (http.client.HTTPException, ValueError):
            error = NOT_HTTP
        return self._failed_answer(error)

    def _failed_answer(self, error: str) -> Answer:
        """Return an answer that has this error in place of a status."""
        return Answer(None, time.monotonic() - self._started, error=error, url=self._url)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()


def _joined_headers(headers: http.client.HTTPMessage) -> dict[str, str]:
    """Return the headers by name in lower case; the values of a repeated header are joined with commas."""
    return {name.lower(): ", ".join(headers.get_all(name, ())) for name in headers}


class _TooLarge(Exception):
    """More bytes have come than the limit."""


class _BoundedSocket(socket.socket):
    """A socket whose reads end with TimeoutError at ``ends_at`` and with _TooLarge beyond the limit."""

    ends_at = 0.0
    received_bytes = 0

    def recv_into(self, *arguments: Any) -> int:
        """Read into a buffer, as `http.client` does; return the number of bytes."""
        left_seconds = self.ends_at - time.monotonic()
        if left_seconds <= 0:
            raise TimeoutError

        self.settimeout(left_seconds)
        count = super().recv_into(*arguments)
        self.received_bytes += count
        if self.received_bytes > BODY_LIMIT_BYTES:
            raise _TooLarge
        return count
