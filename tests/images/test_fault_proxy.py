"""The fault proxy as a program: real clients, a real server behind it, one behavior of the network at a time."""

from __future__ import annotations

import json
import os
import socket
import socketserver
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

PATIENCE_SECONDS = 10.0


class Echo(socketserver.StreamRequestHandler):
    """Answers every line with itself; to ``bye`` it hangs up."""

    def handle(self) -> None:
        """One client."""
        for line in self.rfile:
            if line == b"bye\n":
                return
            self.wfile.write(line)


class EchoServer(socketserver.ThreadingTCPServer):
    """On an address of its own, so that proxy and server can have the same port."""

    daemon_threads = True
    allow_reuse_address = True


@dataclass(frozen=True)
class Proxy:
    """The running program and its control socket."""

    program: Path
    port: int
    environment: dict[str, str]
    server: EchoServer

    def tell(self, *faults: dict[str, Any]) -> dict[str, Any]:
        """Replace its faults; return its answer, good or bad."""
        command = [sys.executable, "-I", "-S", str(self.program), "tell", json.dumps(faults)]
        found = subprocess.run(command, env=self.environment, capture_output=True, text=True, check=False)
        said: dict[str, Any] = json.loads(found.stdout)
        assert found.returncode == ("error" in said)
        return said

    @contextmanager
    def client(self, timeout_seconds: float = PATIENCE_SECONDS) -> Iterator[socket.socket]:
        """A connection to it."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=timeout_seconds) as client:
            yield client


def say(client: socket.socket, line: bytes = b"hello\n") -> float:
    """Send a line, wait for all of the echo; return the seconds it took."""
    started = time.monotonic()
    client.sendall(line)
    heard = b""
    while len(heard) < len(line):
        data = client.recv(65536)
        assert data, "the proxy hung up"
        heard += data
    assert heard == line
    return time.monotonic() - started


def soon(holds: Callable[[], bool]) -> bool:
    """Whether something comes true in a while."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not holds():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


@pytest.fixture
def proxy(root: Path, tmp_path: Path) -> Iterator[Proxy]:
    """The program, before an echo server; it listens on 0.0.0.0, the server on an address the proxy does not take."""
    taken = socket.create_server(("127.0.0.1", 0))  # a port that the proxy can have
    port = taken.getsockname()[1]
    server = EchoServer(("127.0.0.2", port), Echo)
    threading.Thread(target=server.serve_forever, args=[0.02], daemon=True).start()
    program = root / "images/fault_proxy/proxy.py"
    environment = {**os.environ, "FAULT_PROXY_SOCKET": str(tmp_path / "control"), "FAULT_PROXY_ADDRESS": "127.0.0.1"}
    command = [sys.executable, "-I", "-S", str(program), "serve", "127.0.0.2", str(port)]
    taken.close()
    with subprocess.Popen(command, env=environment) as process:
        try:
            assert soon((tmp_path / "control").exists)
            yield Proxy(program, port, environment, server)
        finally:
            process.kill()
            server.shutdown()
            server.server_close()


def test_without_a_fault_bytes_pass(proxy: Proxy) -> None:
    """The echo returns, and a close is passed on in both directions."""
    with proxy.client() as client:
        say(client, b"x" * 200_000 + b"\n")
        client.sendall(b"bye\n")
        assert client.recv(10) == b""
    with proxy.client() as client:
        client.sendall(b"last words\n")
        client.shutdown(socket.SHUT_WR)
        assert client.makefile("rb").read() == b"last words\n"


def test_latency_makes_answers_late_on_open_connections_too(proxy: Proxy) -> None:
    """A fault and its end apply from the next answer on; latencies add up; one chunk is delayed as a whole."""
    late = {"name": "latency", "latency_ms": 200, "jitter_ms": 0}
    with proxy.client() as client:
        proxy.tell(late)
        assert say(client) >= 0.2
        proxy.tell(*[late] * 3)
        assert say(client) >= 0.6
        proxy.tell()
        say(client)


def test_down_refuses_and_breaks_what_is_open(proxy: Proxy) -> None:
    """As if the process had died: refused for the new, reset for the others; mended for the next."""
    with proxy.client() as client:
        say(client)
        proxy.tell({"name": "down"})
        with pytest.raises(ConnectionResetError):
            client.recv(10)
    with pytest.raises(ConnectionRefusedError), proxy.client():
        pass
    proxy.tell()
    with proxy.client() as client:
        say(client)


def test_reset_sends_rst(proxy: Proxy) -> None:
    """New and open connections get RST instead of EOF, at once or after a delay."""
    with proxy.client() as client:
        say(client)
        proxy.tell({"name": "reset", "after_ms": 300})
        with pytest.raises(ConnectionResetError):
            client.recv(10)
    started = time.monotonic()
    with proxy.client() as client:
        with pytest.raises(ConnectionResetError):
            client.recv(10)
        assert time.monotonic() - started > 0.2


def test_half_open_answers_nothing_until_it_ends(proxy: Proxy) -> None:
    """Connections are made and silent, the open ones as well; nothing that was sent is lost."""
    with proxy.client(0.5) as old:
        say(old)
        proxy.tell({"name": "half_open", "backlog_full": False})
        with proxy.client(0.5) as new:
            for client in (old, new):
                client.sendall(b"anybody?\n")
                with pytest.raises(TimeoutError):
                    client.recv(10)
            proxy.tell()
            for client in (old, new):
                client.settimeout(PATIENCE_SECONDS)
                assert client.recv(10) == b"anybody?\n"


@pytest.mark.long
def test_bandwidth_and_slices(proxy: Proxy) -> None:
    """20 KiB at 40 KiB/s take half a second; a line comes whole, in pieces with pauses between; a close is late."""
    proxy.tell({"name": "bandwidth", "kib_per_second": 40})
    with proxy.client() as client:
        assert say(client, b"x" * 20 * 1024 + b"\n") >= 0.45
    proxy.tell({"name": "slicer", "slice_bytes": 3, "pause_ms": 50})
    with proxy.client() as client:
        assert say(client, b"0123456789\n") > 0.1
    proxy.tell({"name": "slow_close", "pause_ms": 300})
    with proxy.client() as client:
        say(client)
        started = time.monotonic()
        client.sendall(b"bye\n")
        assert client.recv(10) == b""
        assert time.monotonic() - started >= 0.3


def test_an_invalid_fault_changes_nothing(proxy: Proxy) -> None:
    """An invalid fault gets an error as answer; the active faults stay."""
    assert proxy.tell({"name": "refuse"})["faults"] == [{"name": "refuse"}]
    assert "no such fault: gremlins" in proxy.tell({"name": "gremlins"})["error"]
    assert "error" in proxy.tell({"name": "latency"})
    with pytest.raises(ConnectionRefusedError), proxy.client():
        pass
    assert proxy.tell() == {"faults": [], "connections": 0}
