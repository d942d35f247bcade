"""The health probe, run as HEALTHCHECK runs it."""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.workshop_app.conftest import free_port

PROBE = Path(__file__).parents[2] / "workshop_app" / "probe.py"


def run(port: int) -> tuple[int, str]:
    """Run the probe; return its exit code and output."""
    environ = {"HTTP_PORT": str(port)}
    command = [sys.executable, "-I", "-S", str(PROBE)]
    done = subprocess.run(command, env=environ, capture_output=True, text=True, timeout=30, check=False)
    return done.returncode, done.stdout


@pytest.fixture
def answer_with() -> Iterator[Callable[..., tuple[int, list[bytes]]]]:
    """Return a function that starts a server with a fixed answer; it returns the port and the requests."""
    sockets: list[socket.socket] = []

    def start(answer: bytes) -> tuple[int, list[bytes]]:
        sockets.append(sock := socket.create_server(("127.0.0.1", 0)))
        asked: list[bytes] = []

        def serve() -> None:
            connection, _ = sock.accept()
            with connection:
                asked.append(connection.recv(4096))
                connection.sendall(answer)

        threading.Thread(target=serve, daemon=True).start()
        return sock.getsockname()[1], asked

    yield start
    for sock in sockets:
        sock.close()


def test_alive(answer_with: Callable[..., tuple[int, list[bytes]]]) -> None:
    """200 from /livez is alive; the probe asks no other path."""
    port, asked = answer_with(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
    assert run(port) == (0, "alive\n")
    assert asked[0].startswith(b"GET /livez HTTP/1.1\r\nHost: ")


@pytest.mark.parametrize(
    "answer",
    [b"HTTP/1.1 503 Service Unavailable\r\n\r\n", b"SSH-2.0-OpenSSH\r\n", b""],
)
def test_any_other_answer_is_not_alive(answer: bytes, answer_with: Callable[..., tuple[int, list[bytes]]]) -> None:
    """An error, another protocol and a closed connection exit with 1."""
    port, _ = answer_with(answer)
    assert run(port) == (1, f"no good answer from /livez on port {port}\n")


def test_no_answer_is_not_alive(hanging_port: int) -> None:
    """A closed port, and a server that never answers: the probe ends by itself with 1."""
    assert run(free_port())[0] == 1
    assert run(hanging_port)[0] == 1
