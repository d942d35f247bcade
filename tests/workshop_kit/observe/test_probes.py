"""Tests of asking a service something from outside, against a small server of the standard library."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from workshop_kit.observe.probes import ask


class Echo(BaseHTTPRequestHandler):
    """Answers with what it was told."""

    def do_POST(self) -> None:
        """Send the body back, and the request's id as a header."""
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(201)
        self.send_header("X-Request-ID", self.headers.get("X-Request-ID", "none"))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing: pytest's output is not the place."""


@pytest.fixture
def url() -> Iterator[str]:
    """Where the server listens."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Echo) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_headers_go_both_ways(url: str) -> None:
    """What is asked with a header is answered with one, and both are data."""
    answer = ask(url, "/orders", method="POST", json={"item": "tea"}, headers={"X-Request-ID": "abc"})
    assert (answer.status, answer.body, answer.headers["x-request-id"]) == (201, {"item": "tea"}, "abc")


def test_no_answer_is_an_answer() -> None:
    """Nobody there: no exception, no status, a reason in words, no headers."""
    answer = ask("http://127.0.0.1:9", "/")
    assert (answer.status, answer.headers, answer.ok) == (None, {}, False)
    assert answer.error
