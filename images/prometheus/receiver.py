"""A webhook for alerts that writes each one as a line of JSON on stdout.

It stands for a pager, mail or chat; notebooks and log tools read it like any other log. Each line has the alert's
name, whether it fires or is resolved, since when, and its labels.
"""

from __future__ import annotations

import json
import signal
import socketserver
import sys
import threading
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

PORT = 9099
LARGEST_BYTES = 1 << 20
WRITING = threading.Lock()


def lines(notification: Mapping[str, Any], now: datetime) -> Iterator[dict[str, Any]]:
    """Yield the log lines of a notification in Alertmanager's webhook format (version 4)."""
    for alert in notification["alerts"]:
        labels = dict(alert["labels"])
        notes = alert.get("annotations", {})
        firing = alert["status"] == "firing"
        severity = labels.pop("severity", "")
        level = "info"
        if firing:
            level = "error" if severity == "critical" else "warning"

        yield {
            "ts": now.isoformat(timespec="milliseconds"),
            "level": level,
            "logger": "alerts",
            "msg": "alert fires" if firing else "alert resolved",
            "alert": labels.pop("alertname", ""),
            "status": alert["status"],
            "severity": severity,
            "summary": notes.get("summary", ""),
            "action": notes.get("action", ""),
            "starts_at": alert["startsAt"],
            "ends_at": None if firing else alert["endsAt"],
            "labels": labels,
        }


class Handler(socketserver.StreamRequestHandler):
    """Serves one request per connection: ``POST /alerts``, or ``GET /`` as health check."""

    timeout = 5.0

    def handle(self) -> None:
        """Answer one request; refuse and do not log an invalid notification."""
        try:
            method, path = self.rfile.readline(4096).split()[:2]
            length = self._length()
            body = self.rfile.read(min(length, LARGEST_BYTES)) if method == b"POST" else b""
            self._say(self._status(method, path, body))
        except (OSError, ValueError):
            return  # the client hung up, was too slow, or did not speak HTTP

    def _length(self) -> int:
        length = 0
        while line := self.rfile.readline(4096).strip():
            name, _, value = line.partition(b":")
            if name.lower() == b"content-length":
                length = int(value)
        return length

    def _status(self, method: bytes, path: bytes, body: bytes) -> str:
        if (method, path) == (b"GET", b"/"):
            return "200 OK"
        if (method, path) != (b"POST", b"/alerts"):
            return "404 Not Found"
        try:
            written = [json.dumps(line, ensure_ascii=False) for line in lines(json.loads(body), datetime.now(UTC))]
        except (ValueError, KeyError, TypeError, AttributeError):
            return "400 Bad Request"
        with WRITING:
            sys.stdout.writelines(line + "\n" for line in written)
            sys.stdout.flush()
        return "200 OK"

    def _say(self, status: str) -> None:
        self.wfile.write(f"HTTP/1.0 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode())


class Server(socketserver.ThreadingTCPServer):
    """A server with a thread per connection; open connections do not delay its end."""

    daemon_threads = True
    allow_reuse_address = True


def main() -> None:
    """Serve until SIGTERM."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    with Server(("", PORT), Handler) as server:
        server.serve_forever()


if __name__ == "__main__":
    main()
