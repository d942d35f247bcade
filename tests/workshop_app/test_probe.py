"""The probe says within two seconds whether the service is alive, run as HEALTHCHECK runs it."""

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


def run(port: int | str, host: str | None = None) -> tuple[int, str]:
    """Exit code and output of the probe."""
    environ = {"HTTP_PORT": str(port)} | ({"HTTP_HOST": host} if host else {})
    command = [sys.executable, "-I", "-S", str(PROBE)]
    done = subprocess.run(command, env=environ, capture_output=True, text=True, timeout=30, check=False)
    return done.returncode, done.stdout


@pytest.fixture
def answer_with() -> Iterator[Callable[..., tuple[int, list[bytes]]]]:
    """Starts a server that answers every request with the given bytes: its port, and what it was asked."""
    sockets: list[socket.socket] = []

    def start(answer: bytes, host: str = "127.0.0.1") -> tuple[int, list[bytes]]:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        sockets.append(sock := socket.create_server((host, 0), family=family))
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
    """200 from /livez is alive; nothing else is asked."""
    port, asked = answer_with(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
    assert run(port) == (0, "alive\n")
    assert asked[0].startswith(b"GET /livez HTTP/1.1\r\nHost: ")


@pytest.mark.parametrize(
    "answer",
    [b"HTTP/1.1 503 Service Unavailable\r\n\r\n", b"SSH-2.0-OpenSSH\r\n", b""],
)
def test_any_other_answer_is_not_alive(answer: bytes, answer_with: Callable[..., tuple[int, list[bytes]]]) -> None:
    """Errors, other protocols, and hanging up are all no."""
    port, _ = answer_with(answer)
    assert run(port) == (1, f"no good answer from /livez on port {port}\n")


def test_nobody_there() -> None:
    """A port that refuses is no."""
    assert run(free_port())[0] == 1


def test_hanging(hanging_port: int) -> None:
    """A server that never answers is no, and the probe comes back by itself."""
    assert run(hanging_port)[0] == 1
