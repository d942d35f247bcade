"""Every exchange with a server that misbehaves ends in time, and its answer says what went wrong."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from workshop_kit.observe import http

Serve = Callable[[Callable[[socket.socket], None]], str]
OK = b"HTTP/1.1 200 OK\r\n"


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Start a server that hands its first connection, with the request read, to a function; return the URL."""
    listeners: list[socket.socket] = []

    def start(behave: Callable[[socket.socket], None]) -> str:
        listener = socket.create_server(("127.0.0.1", 0))
        listeners.append(listener)

        def once() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.recv(65536)
                behave(connection)

        threading.Thread(target=once, daemon=True).start()
        return f"http://127.0.0.1:{listener.getsockname()[1]}/"

    yield start
    for listener in listeners:
        listener.close()


def test_an_interim_answer_is_passed_over(serve: Serve) -> None:
    """The answer is the one after it, and ends where the server hangs up."""
    answer = http.get(serve(lambda connection: connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n" + OK + b"\r\nhi")))
    assert (answer.status, answer.body, answer.error) == (200, "hi", "")


@pytest.mark.parametrize(
    ("behave", "failure"),
    [
        pytest.param(lambda connection: None, http.CLOSED, id="hangs up"),
        pytest.param(
            lambda connection: connection.sendall(OK + b"Content-Length: 9\r\n\r\nhi"),
            http.CUT_OFF,
            id="breaks off",
        ),
        pytest.param(lambda connection: connection.sendall(b"220 mail\r\n\r\n"), http.NOT_HTTP, id="no HTTP"),
        pytest.param(lambda connection: time.sleep(2), "no answer within 0.5 s", id="silence"),
        pytest.param(lambda connection: connection.sendall(OK + b"\r\n" + b"x" * 1_999_999), http.TOO_LARGE, id="much"),
    ],
)
def test_what_is_no_answer_is_a_failure_in_words_and_in_time(
    serve: Serve, behave: Callable[[socket.socket], None], failure: str
) -> None:
    """Hung up, broken off, something else, nothing, or too much."""
    started = time.monotonic()
    answer = http.get(serve(behave), timeout_seconds=0.5)
    assert (answer.status, str(answer)) == (None, failure)
    assert time.monotonic() - started < 2.5
