"""A sidecar that exports what one service uses: ``GET /metrics`` on port 9101.

It runs in the PID namespace of the service's container, as the same user, so ``/proc/1`` is the service: the kernel
shows its own cgroup and its own network there. The agent needs no mount, no capability and no socket of the engine. It
belongs to one container, and ends with it.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import NamedTuple

PORT = 9101
SERVICE = Path("/proc/1")
CGROUP = "root/sys/fs/cgroup"
NO_LIMIT_BYTES = 1 << 60  # cgroup v1 writes "no limit" as 2⁶³ less a page
LOOPBACK = "lo"


class Metric(NamedTuple):
    """A metric, with the name that cAdvisor gives it, and its value now; None is a number that the kernel lacks."""

    name: str
    kind: str
    help: str
    value: float | None


def read_metrics(process: Path = SERVICE) -> list[Metric]:
    """Return the metrics of a process's container. Raises OSError if its cgroup or its network cannot be read."""
    cgroup = process / CGROUP
    is_version_2 = (cgroup / "cgroup.controllers").exists()
    usage = read_version_2(cgroup) if is_version_2 else read_version_1(cgroup)
    return [*usage, *read_network(process / "net/dev")]


def read_version_1(cgroup: Path) -> Iterator[Metric]:
    """Yield memory and CPU from cgroup v1, which has a folder for each controller."""
    memory = cgroup / "memory"
    used_bytes = int((memory / "memory.usage_in_bytes").read_text())
    limit_bytes = number(memory / "memory.limit_in_bytes")
    if limit_bytes is not None and limit_bytes >= NO_LIMIT_BYTES:
        limit_bytes = None
    idle_bytes = table(memory / "memory.stat").get("total_inactive_file", 0)
    oom_kills = table(memory / "memory.oom_control").get("oom_kill")
    yield from memory_metrics(used_bytes, idle_bytes, limit_bytes, oom_kills)

    used_nanoseconds = number(cgroup / "cpuacct" / "cpuacct.usage")
    periods = table(cgroup / "cpu" / "cpu.stat")
    yield from cpu_metrics(scaled(used_nanoseconds, 1e9), periods)


def read_version_2(cgroup: Path) -> Iterator[Metric]:
    """Yield memory and CPU from cgroup v2."""
    used_bytes = int((cgroup / "memory.current").read_text())
    limit_bytes = number(cgroup / "memory.max")
    idle_bytes = table(cgroup / "memory.stat").get("inactive_file", 0)
    oom_kills = table(cgroup / "memory.events").get("oom_kill")
    yield from memory_metrics(used_bytes, idle_bytes, limit_bytes, oom_kills)

    periods = table(cgroup / "cpu.stat")
    yield from cpu_metrics(scaled(periods.get("usage_usec"), 1e6), periods)


def memory_metrics(used: int, idle: int, limit: int | None, oom_kills: int | None) -> Iterator[Metric]:
    """Yield the metrics of memory. The working set is without the file cache that the kernel can take back at once."""
    working_set = max(used - idle, 0)
    yield Metric("container_memory_working_set_bytes", "gauge", "Memory that counts against the limit.", working_set)
    yield Metric("container_memory_usage_bytes", "gauge", "Memory, file cache included.", used)
    yield Metric("container_spec_memory_limit_bytes", "gauge", "Memory limit.", limit)
    yield Metric("container_oom_events_total", "counter", "Processes killed for memory.", oom_kills)


def cpu_metrics(seconds: float | None, periods: dict[str, int]) -> Iterator[Metric]:
    """Yield the metrics of the CPU: time used, and the periods in which the limit held the container back."""
    yield Metric("container_cpu_usage_seconds_total", "counter", "CPU time used.", seconds)

    total = periods.get("nr_periods")
    held_back = periods.get("nr_throttled")
    yield Metric("container_cpu_cfs_periods_total", "counter", "Periods in which it wanted to run.", total)
    yield Metric("container_cpu_cfs_throttled_periods_total", "counter", "Periods with throttling.", held_back)


def read_network(file: Path) -> Iterator[Metric]:
    """Yield the traffic of all interfaces but the loopback, from a file such as ``/proc/1/net/dev``."""
    received = 0
    sent = 0
    for line in file.read_text().splitlines()[2:]:  # two lines of headings
        interface, _, counters = line.partition(":")
        if interface.strip() != LOOPBACK:
            numbers = counters.split()
            received += int(numbers[0])
            sent += int(numbers[8])
    yield Metric("container_network_receive_bytes_total", "counter", "Bytes received.", received)
    yield Metric("container_network_transmit_bytes_total", "counter", "Bytes sent.", sent)


def number(file: Path) -> int | None:
    """Read a file with one number; None for ``max`` and for a file that this kernel lacks."""
    if not file.exists():
        return None
    text = file.read_text().strip()
    return None if text == "max" else int(text)


def table(file: Path) -> dict[str, int]:
    """Read a file with a name and a number in each line; {} for a file that this kernel lacks."""
    if not file.exists():
        return {}
    pairs = (line.split() for line in file.read_text().splitlines())
    return {pair[0]: int(pair[1]) for pair in pairs}


def scaled(value: int | None, parts: float) -> float | None:
    """Return a number in units of a whole; None if it is not known."""
    return None if value is None else value / parts


def exposition(metrics: list[Metric]) -> str:
    """Return metrics in Prometheus' text format."""
    lines: list[str] = []
    for metric in metrics:
        if metric.value is not None:
            lines.append(f"# HELP {metric.name} {metric.help}")
            lines.append(f"# TYPE {metric.name} {metric.kind}")
            lines.append(f"{metric.name} {metric.value}")
    return "\n".join([*lines, ""])


class Handler(BaseHTTPRequestHandler):
    """Answer every GET with the metrics."""

    timeout = 5

    def do_GET(self) -> None:
        """Read all numbers now, and send them."""
        body = exposition(read_metrics()).encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Write no line for a scrape."""


def main() -> None:
    """Serve until the service ends; end at once, with a sentence, where its numbers cannot be read."""
    try:
        read_metrics()
    except (OSError, ValueError) as error:
        sys.exit(
            f"The agent cannot read what the service uses ({error}): "
            "run it in the service's PID namespace as the service's user, or use stats() instead."
        )
    ThreadingHTTPServer(("", PORT), Handler).serve_forever()


if __name__ == "__main__":
    main()
