"""Send requests to the clones of an audit from a container on their network. This program runs in that container.

A POST with a JSON object asks it; the object has the ``token`` of the audit, which no clone knows, and either
``address`` and ``ports`` (which of them accept a connection?) or ``url`` (what does a GET answer?).
"""

from __future__ import annotations

import hmac
import json
import os
import socket
from dataclasses import asdict
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from workshop_kit.observe import http

PORT = 8080


def answer(question: dict[str, Any]) -> Any:
    """Return the ports that accept a connection, or the answer of a GET."""
    if "ports" in question:
        return [port for port in question["ports"] if http.is_port_open(question["address"], port)]
    return asdict(http.get(question["url"], timeout_seconds=question["timeout_seconds"]))


class ProberHandler(BaseHTTPRequestHandler):
    """Answers the audit alone."""

    def do_POST(self) -> None:
        """Read a question, and answer it."""
        length = int(self.headers["Content-Length"])
        question = json.loads(self.rfile.read(length))
        is_known = hmac.compare_digest(question.pop("token", ""), os.environ["TOKEN"])
        body = json.dumps(answer(question)).encode() if is_known else b""
        self.send_response(200 if is_known else 403)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Write no log."""


if __name__ == "__main__":
    # Its first network, and not that of the clones, which it joins later.
    own_address = socket.gethostbyname(socket.gethostname())
    ThreadingHTTPServer((own_address, PORT), ProberHandler).serve_forever()
