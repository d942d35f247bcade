"""A server as a process of its own, on a core of its own: how soon it answers, what it takes, how much it serves."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import psutil

ROOT = Path(__file__).resolve().parents[1]
REPORT = ROOT / "benchmarks" / "_servers" / "report.lua"
START_TIMEOUT_SECONDS = 60
MIB = 2**20


@dataclass(frozen=True)
class Served:
    """What a server did under load, as the client saw it, and the CPU that it took."""

    requests: int
    requests_per_second: float
    p99_seconds: float
    cpu_seconds_per_request: float


class Running:
    """A server that answers; ``lines`` is the file that its standard output goes to."""

    def __init__(self, command: Sequence[str], path: str, lines: Path) -> None:
        port = _free_port()
        self.origin, self.url, self.lines = f"http://127.0.0.1:{port}", f"http://127.0.0.1:{port}{path}", lines
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "GOMAXPROCS": "1"}
        began = time.perf_counter()
        with lines.open("wb") as stdout:
            self._popen = subprocess.Popen([*command, str(port)], stdout=stdout, cwd=lines.parent, env=environment)
        self._process = psutil.Process(self._popen.pid)
        _keep_to(self._process, core=1)
        self._wait_for_200(began + START_TIMEOUT_SECONDS)
        self.start_seconds = time.perf_counter() - began

    def _wait_for_200(self, until: float) -> None:
        with httpx.Client(trust_env=False) as client:
            while not _answers(client, self.url):
                if time.perf_counter() > until or self._popen.poll() is not None:
                    self.stop()
                    raise RuntimeError(f"nothing answers at {self.url}")
                time.sleep(0.002)

    def memory_mib(self) -> float:
        """What is this process's own: what would be free without it."""
        return float(self._process.memory_full_info().uss / MIB)

    def under_load(self, seconds: int, connections: int) -> Served:
        """Ask again and again over so many connections. Raises RuntimeError if a single request fails."""
        before = self._cpu_seconds()
        told = _wrk(self.url, seconds, connections)
        cpu = self._cpu_seconds() - before
        if told["failed"]:
            raise RuntimeError(f"{self.url}: {told}")
        requests = told["requests"]
        return Served(requests, requests / told["seconds"], told["p99_seconds"], cpu / requests)

    def _cpu_seconds(self) -> float:
        times = self._process.cpu_times()
        return float(times.user + times.system)

    def stop(self) -> None:
        """End it, as an engine would."""
        self._popen.terminate()
        self._popen.wait()


def _answers(client: httpx.Client, url: str) -> bool:
    try:
        return client.get(url).status_code == 200
    except httpx.TransportError:
        return False


def _wrk(url: str, seconds: int, connections: int) -> dict[str, Any]:
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "-s", str(REPORT), url]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as running:
        _keep_to(psutil.Process(running.pid), core=0)
        said, _ = running.communicate()
    told: dict[str, Any] = json.loads(said.splitlines()[-1])
    return told


def _keep_to(process: psutil.Process, core: int) -> None:
    """So that who asks takes nothing from who answers; macOS has no such thing."""
    if hasattr(process, "cpu_affinity") and (os.cpu_count() or 1) > 1:
        process.cpu_affinity([core])


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as sock:
        return int(sock.getsockname()[1])
