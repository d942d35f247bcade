"""A sidecar that exports the resource usage of its group's containers: ``GET /metrics`` on port 9101.

It has no engine socket, no capability, no root, shares no namespace, and writes nothing. Its sources:

- CPU, throttling, memory, OOM kills, processes: a read-only mount of the group's own cgroups (``cgroups``).
- Names and network traffic: the engine's DNS server and the counters of the bridge (``neighbors``).

The series of a stopped container are absent from the next answer. Two numbers cannot be read this way and are left
out: traffic over other networks, and an OOM kill of a container's first process, whose cgroup is gone at once. Where
the engine shows no cgroup, an empty folder is mounted: the agent says so, and exports no container.
"""

from __future__ import annotations

import os
import signal
import socket
import socketserver
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from images.agent.cgroups import accounts
from images.agent.exposition import Observation, exposition
from images.agent.neighbors import Neighbors

PORT = 9101
CGROUPS = Path("/host/cgroup")
INTERFACES = Path("/host/net")
CLIENT_SECONDS = 2.0
LONGEST_REQUEST = 4096


class Agent:
    """Reads all numbers at each scrape; it keeps only the names of containers."""

    def __init__(self, cgroups: Path, neighbors: Neighbors) -> None:
        self.cgroups = cgroups
        self.neighbors = neighbors
        self._one_at_a_time = threading.Lock()

    def metrics(self) -> str:
        """Return the answer to one scrape. Raises OSError if the group's cgroups are not mounted."""
        with self._one_at_a_time:
            started = time.perf_counter()
            seen = list(self._look())
            seconds = time.perf_counter() - started
        return exposition(seen, seconds)

    def _look(self) -> Iterator[Observation]:
        found = list(accounts(self.cgroups))
        self.neighbors.forget_others(one.container for one in found)
        for one in found:
            yield Observation(self.neighbors.service(one.container), one, self.neighbors.traffic(one.container))


class Handler(socketserver.StreamRequestHandler):
    """Serves one request per connection. (The standard library's HTTP server would double the agent's memory.)"""

    timeout = CLIENT_SECONDS
    server: Server

    def handle(self) -> None:
        """Answer ``GET /metrics``; every other path is 404."""
        try:
            method, path = self.rfile.readline(LONGEST_REQUEST).split()[:2]
            while self.rfile.readline(LONGEST_REQUEST).strip():  # no header is needed
                pass
            self.wfile.write(self._answer(method, path))
        except (OSError, ValueError):
            return  # the client hung up, was too slow, or did not speak HTTP

    def _answer(self, method: bytes, path: bytes) -> bytes:
        if (method, path) != (b"GET", b"/metrics"):
            return response("404 Not Found", "Ask for GET /metrics.\n")
        try:
            return response("200 OK", self.server.agent.metrics())
        except OSError as error:
            sys.stderr.write(f"agent: the group's cgroups cannot be read: {error}\n")
            return response("500 Internal Server Error", "The group's cgroups cannot be read.\n")


class Server(socketserver.ThreadingTCPServer):
    """A server with a thread per connection; open connections do not delay its end."""

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, agent: Agent, port: int = PORT) -> None:
        super().__init__(("", port), Handler)
        self.agent = agent


def response(status: str, body: str) -> bytes:
    """Return a complete HTTP response."""
    content = body.encode()
    head = f"HTTP/1.0 {status}\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\n"
    return f"{head}Content-Length: {len(content)}\r\nConnection: close\r\n\r\n".encode() + content


def health() -> None:
    """Exit 0 if the agent answers a scrape, else 1 with one sentence."""
    try:
        with socket.create_connection(("127.0.0.1", PORT), timeout=2) as asker:
            asker.sendall(b"GET /metrics HTTP/1.0\r\n\r\n")
            status = asker.makefile("rb").readline().split()[1:2]
    except OSError as error:
        sys.exit(f"the agent does not answer: {error}")
    if status != [b"200"]:
        sys.exit("the agent cannot read the cgroups of its group")


def main() -> None:
    """Serve until SIGTERM; with ``health`` as argument, check the running agent."""
    if sys.argv[1:] == ["health"]:
        return health()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    if not (CGROUPS / "memory" / "cgroup.procs").exists():
        sys.stderr.write("agent: this engine shows no cgroup, so there is no CPU, memory or process of a container\n")
    neighbors = Neighbors(INTERFACES, os.environ.get("AGENT_PROJECT", ""))
    with Server(Agent(CGROUPS, neighbors)) as server:
        return server.serve_forever()
