"""What one worker of the service serves, with a line of JSON, metrics and an id for every request.

Beside the usual choice, beside Go, beside the bare framework; who does the same work, and how, is told in ``_servers``.
Each is a process of its own that is kept to one core; wrk asks from another one. They take turns, so that a drifting
machine hits all alike, and their lines go to files that are looked through in the end. Throughput is given as the time
of 10,000 requests. The CPU of the same requests is what a machine that is busy with other things disturbs least.
"""

from __future__ import annotations

import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import httpx

from benchmarks._measured import Running, Served
from benchmarks._rows import Memory, Row, show
from workshop_kit.engine import install
from workshop_kit.terminal import TerminalReport

SERVERS = Path(__file__).parent / "_servers"
DEBIAN = ("wrk", "golang-go", "golang-github-prometheus-client-golang-dev")
GO_CLIENT = Path("/usr/share/gocode/src/github.com/prometheus/client_golang")
CACHE = Path(__file__).resolve().parents[1] / "build" / "go"  # building Prometheus's client takes half a minute of CPU
PATH = "/greetings/tea"
CONNECTIONS = 32
LOAD_SECONDS = 2
RUNS = 7
STARTS = 3
SETTLED_SECONDS = 2.0
REQUESTS = 10_000
IN_A_LINE = {"request_id", "method", "route", "path", "status", "duration_ms", "size_bytes"}


@dataclass(frozen=True)
class Way:
    """A server: what it is called, the command that takes the port, whether it says what it does, what we aim at."""

    name: str
    command: tuple[str, ...]
    observed: bool = True
    aim: str = ""


def ways(folder: Path) -> list[Way]:
    """All servers, ours first."""
    python = (sys.executable, "-m")
    on = f"starlette {version('starlette')} on uvicorn {version('uvicorn')}"
    usual = (
        f"fastapi {version('fastapi')} on uvicorn {version('uvicorn')} (uvloop, httptools), logging with "
        f"python-json-logger {version('python-json-logger')}, prometheus-client {version('prometheus-client')}"
    )
    half = "≤ 0.5: at least twice as many requests/s"
    found = [
        Way("ours", (*python, "benchmarks._servers.ours")),
        Way(usual, (*python, "benchmarks._servers.usual"), aim=half),
        Way(
            f"{on} (uvloop, httptools) without line, metrics, id",
            (*python, "benchmarks._servers.bare"),
            observed=False,
            aim="≤ 1.54: the three cost at most 35 % of the throughput",
        ),
        Way("our own service without the three", (*python, "benchmarks._servers.ours", "--unobserved"), observed=False),
    ]
    if go := built(folder):
        aim = "≤ 2.86: at least 0.35 of its requests/s"
        name = f"net/http and log/slog of {go.parent.name}, client_golang of Debian, GOMAXPROCS=1"
        found.append(Way(name, (str(go),), aim=aim))
    return found


def built(folder: Path) -> Path | None:
    """The server in Go, built, in a folder with the name of Go's version; None where there is no Go, or no client."""
    if not (compiler := shutil.which("go")) or not GO_CLIENT.exists():
        return None
    paths = {"GOPATH": str(GO_CLIENT.parents[3]), "GOCACHE": str(CACHE)}
    environment = {**os.environ, "GO111MODULE": "off", **paths}
    known = subprocess.run([compiler, "env", "GOVERSION"], env=environment, capture_output=True, text=True, check=True)
    target = folder / known.stdout.strip() / "server"
    subprocess.run([compiler, "build", "-o", target, SERVERS / "server.go"], env=environment, check=True)
    return target


@contextmanager
def running(found: Sequence[Way], folder: Path) -> Iterator[dict[Way, Running]]:
    """All of them at once; those that are not asked cost nothing."""
    up: dict[Way, Running] = {}
    try:
        for number, way in enumerate(found):
            up[way] = Running(way.command, PATH, folder / f"{number}.log")
        yield up
    finally:
        for one in up.values():
            one.stop()


def starts(found: Sequence[Way], folder: Path) -> tuple[dict[Way, float], dict[Way, float]]:
    """Seconds to the first 200, and MiB when all has settled: medians, the servers taking turns."""
    seconds: dict[Way, list[float]] = {way: [] for way in found}
    mib: dict[Way, list[float]] = {way: [] for way in found}
    for _ in range(STARTS):
        with running(found, folder) as up:
            time.sleep(SETTLED_SECONDS)
            for way, one in up.items():
                seconds[way].append(one.start_seconds)
                mib[way].append(one.memory_mib())
    return _medians(seconds), _medians(mib)


def loads(found: Sequence[Way], folder: Path) -> dict[Way, list[Served]]:
    """What each did in each run; the first does not count. Afterwards their lines and metrics are looked at."""
    with running(found, folder) as up:
        served: dict[Way, list[Served]] = {way: [] for way in found}
        for _ in range(RUNS + 1):
            for way, one in up.items():
                served[way].append(one.under_load(LOAD_SECONDS, CONNECTIONS))
        for way, one in up.items():
            if way.observed:
                check(one, sum(each.requests for each in served[way]))
    return {way: each[1:] for way, each in served.items()}


def check(one: Running, requests: int) -> None:
    """Whoever is measured has done all of the work: an id that goes back, metrics, a whole line for every request."""
    with httpx.Client(trust_env=False, base_url=one.origin, follow_redirects=True) as client:
        assert client.get(PATH, headers={"X-Request-ID": "mine"}).headers["x-request-id"] == "mine"
        metrics = client.get("/metrics").text
    assert all(name in metrics for name in ("http_requests_total{", "_duration_seconds_bucket{", "s_in_flight "))
    with one.lines.open() as lines:
        found = [line for line in lines if '"request_id"' in line]
    assert len(found) > requests, f"{requests} requests, {len(found)} lines"
    assert json.loads(found[-1]).keys() >= IN_A_LINE, found[-1]


def rows(found: Sequence[Way], folder: Path) -> list[Row | Memory]:
    """Ours beside each of the others."""
    seconds, mib = starts(found, folder)
    served = loads(found, folder)
    on = f"one worker on Python {platform.python_version()}, wrk over {CONNECTIONS} connections"
    works: dict[str, Callable[[Served], float]] = {
        f"{REQUESTS:,} requests, {on}": lambda each: REQUESTS / each.requests_per_second,
        f"CPU of these {REQUESTS:,} requests": lambda each: REQUESTS * each.cpu_seconds_per_request,
        "p99 of their latency": lambda each: each.p99_seconds,
    }
    ours, *others = found
    rows: list[Row | Memory] = []
    for work, take in works.items():
        taken = _medians({way: [take(each) for each in served[way]] for way in found})
        aims = {way: way.aim if work.startswith(f"{REQUESTS:,}") else "" for way in others}
        rows += [Row(work, taken[ours], RUNS, aims[way], way.name, taken[way]) for way in others]
    rows += [Row("start to the first 200", seconds[ours], STARTS, "", way.name, seconds[way]) for way in others]
    work = "memory when idle, ours with the drivers of MariaDB and Redis, which theirs lack"
    return rows + [Memory(work, mib[ours], STARTS, "", way.name, mib[way]) for way in others]


def _medians(taken: Mapping[Way, Sequence[float]]) -> dict[Way, float]:
    return {way: statistics.median(each) for way, each in taken.items()}


def bring_tools() -> None:
    """Get wrk, and Go with Prometheus's client, from Debian, unless that was forbidden. Without wrk nothing works."""
    there = shutil.which("wrk") and shutil.which("go") and GO_CLIENT.exists()
    if not there and "--no-install" not in sys.argv and install.is_debian():
        with TerminalReport() as report:
            install.bring(DEBIAN, report, "Benchmark")
    if not shutil.which("wrk"):
        raise SystemExit(f"benchmarks/service needs wrk: install it (Debian: sudo apt-get install {' '.join(DEBIAN)}).")


def main() -> None:
    """All rows. Without Go, one of them says so."""
    bring_tools()
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        found = ways(folder)
        measured = rows(found, folder)
    if not any("net/http" in way.name for way in found):
        measured.append(Row(f"Go: not here (Debian: {', '.join(DEBIAN[1:])})", 0.0, 0))
    show(measured)


if __name__ == "__main__":
    main()
