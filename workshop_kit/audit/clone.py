"""A running clone: start, open ports, requests, written files, health, stop; and the data of one run."""

from __future__ import annotations

import contextlib
import json
import re
import secrets
import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

import pandas as pd
from docker.errors import APIError

from workshop_kit.audit.clone_spec import STOP_SECONDS, file_size
from workshop_kit.audit.prober import Prober
from workshop_kit.audit.targets import Target
from workshop_kit.engine.containers import DIFF_DELETED, Running
from workshop_kit.observe.http import Answer
from workshop_kit.observe.logs import read_container, record

USUAL_PORTS = (8080, 80, 8000, 3000, 5000, 8081, 8888, 9000, 9090, 8443, 443, 5432, 3306, 6379, 27017)
ALIVE_SECONDS = 1.5
"""A clone without a port and without a health check is ready after this time."""
LASTS_SECONDS = 4.0
"""A clone that serves a port and runs this much longer is not expected to end by itself."""
POLL_SECONDS = 0.05
PROBE_SECONDS = 2.0
LINE_LENGTH = 4_000
LATE_ENOUGH = 3
"""After so many late answers no more requests are sent."""
PROBE_PATHS = (
    "/livez", "/readyz", "/healthz", "/health", "/live", "/ready", "/health/live", "/health/ready", "/ping", "/status",
    "/-/healthy", "/-/ready", "/actuator/health",
)  # fmt: skip
ASKED_PATHS = ("/", *PROBE_PATHS, "/metrics")
NOT_THERE = {404, 405, 501}
_LOG_FILE = re.compile(r"(^/var/log/|/logs?/|\.log(\.\d+)?$|[._-]log$|\.(out|err)$)")


@dataclass(frozen=True)
class CloneStart:
    """The result of a start: ready or ended, by which sign, after how many seconds; ``ports`` are open."""

    ready: bool
    seconds: float
    by: str
    ports: tuple[int, ...] = ()
    exit_code: int | None = None
    out_of_memory: bool = False

    @property
    def ended(self) -> bool:
        """Whether the clone ended by itself."""
        return self.exit_code is not None

    @property
    def summary(self) -> str:
        """The end of a sentence that begins with "it"."""
        if self.out_of_memory:
            return f"ran out of memory after {self.seconds:.1f} s"
        if self.ended:
            return f"ended with code {self.exit_code} after {self.seconds:.1f} s"
        return f"was {'' if self.ready else 'not '}ready after {self.seconds:.1f} s ({self.by})"


@dataclass(frozen=True)
class CloneRun:
    """One run of a clone; ``stopped_seconds`` and ``exit_code`` are None if it was not stopped or had ended before.

    ``answers`` include that to a random path.
    """

    started: CloneStart
    log: pd.DataFrame
    answers: tuple[Answer, ...] = ()
    programs: tuple[str, ...] = ()
    log_files: Mapping[str, int] = field(default_factory=dict)  # path in the writable layer → bytes
    stopped_seconds: float | None = None
    exit_code: int | None = None

    @property
    def answers_everything(self) -> bool:
        """Whether it answers a random path with success; then its answers prove nothing."""
        return any(200 <= status < 300 for status in self._unknown if status)

    @property
    def _unknown(self) -> set[int | None]:
        """The status of random paths, which no service has."""
        return {one.status for one in self.answers if one.path not in ASKED_PATHS}

    def metrics(self) -> Answer | None:
        """Return the answer of /metrics, if that path exists."""
        found = (one for one in self.answers if one.path == "/metrics" and one.status == 200)
        return None if self.answers_everything else next(found, None)

    def probes(self) -> tuple[Answer, ...]:
        """Return the answers of the usual probe paths that exist or did not answer in time."""
        missing = {None, *NOT_THERE, *self._unknown}
        found = (one for one in self.answers if one.path in PROBE_PATHS)
        return tuple(one for one in found if one.is_late or one.status not in missing)

    def lines(self, count: int = 3) -> str:
        """Return the last lines of its log."""
        return " / ".join(text[:LINE_LENGTH] for text in log_texts(self.log.tail(count)))


def log_texts(log: pd.DataFrame) -> list[str]:
    """Return the lines of a log as text; parsed lines as JSON."""
    lines = []
    for row in range(len(log)):
        raw = log["raw"].iloc[row]
        lines.append(str(raw) if pd.notna(raw) else json.dumps(record(log, row), default=str, ensure_ascii=False))
    return lines


class Clone:
    """A created clone: start it, ask it, stop it."""

    def __init__(self, running: Running, target: Target, prober: Prober) -> None:
        self.running = running
        self.prober = prober
        exposed = [port.partition("/") for port in target.config.get("ExposedPorts") or {}]
        self.exposed = tuple(int(port) for port, _, protocol in exposed if protocol == "tcp" and port.isdecimal())
        values = [value for name, value in target.environment.items() if name.upper().endswith("PORT")]
        named = [int(value) for value in values if value.isdecimal() and 0 < int(value) < 65536]
        self.ports: tuple[int, ...] = self.exposed or tuple(dict.fromkeys((*named, *USUAL_PORTS)))
        self.has_health = bool(running.inspect()["Config"].get("Healthcheck"))
        self.address = ""

    def start(self, within_seconds: float, *, until_ended: bool = False) -> CloneStart:
        """Start it and wait until it is ready or has ended; with ``until_ended`` it must also stay up for a while."""
        began = time.monotonic()
        self.running.container.start()
        ready: CloneStart | None = None
        while True:
            state = self.running.inspect()["State"]
            seconds = time.monotonic() - began
            if state["Status"] in {"exited", "dead"}:
                return CloneStart(False, seconds, "ended", (), int(state["ExitCode"]), bool(state.get("OOMKilled")))
            self.address = self.address or self._address()
            ready = ready or self._ready(state, seconds)
            if ready and (not until_ended or (ready.ports and seconds > ready.seconds + LASTS_SECONDS)):
                return ready
            if seconds > within_seconds:
                return ready or CloneStart(False, seconds, "neither a port nor a health check was good")
            time.sleep(POLL_SECONDS)

    def _ready(self, state: Mapping[str, Any], seconds: float) -> CloneStart | None:
        healthy = (state.get("Health") or {}).get("Status") == "healthy"
        long_enough = seconds > ALIVE_SECONDS
        if ports := self.open_ports() if self.exposed or healthy or long_enough else ():
            return CloneStart(True, seconds, f"port {ports[0]} accepts connections", ports)
        if healthy:
            return CloneStart(True, seconds, "its health check is good")
        if long_enough and not self.has_health and not (self.exposed and self.address):
            return CloneStart(True, seconds, "it runs")
        return None

    def open_ports(self) -> tuple[int, ...]:
        """Find the ports that accept a connection."""
        return self.prober.open_ports(self.address, self.ports) if self.address else ()

    def ask(self) -> tuple[Answer, ...]:
        """GET a random path, then the usual ones, on the first port that speaks HTTP."""
        answers: list[Answer] = []
        for port in self.open_ports():
            for path in (f"/{secrets.token_hex(6)}", *ASKED_PATHS):
                answer = self.prober.get(f"http://{self.address}:{port}{path}", timeout_seconds=PROBE_SECONDS)
                answers.append(answer)
                speaks_http = answer.is_late or any(one.status for one in answers)
                if not speaks_http or sum(one.is_late for one in answers) >= LATE_ENOUGH:
                    break
            if any(one.status for one in answers):
                break
        return tuple(answers)

    def processes(self) -> dict[str, str]:
        """Return the names of its processes by process id; empty if it has ended."""
        try:
            listed = self.running.container.top(ps_args="-o pid,comm")
        except APIError:
            return {}
        return {row[0]: row[1] for row in listed.get("Processes") or ()}

    def log_sizes(self) -> dict[str, int]:
        """Return the sizes in bytes of new or changed files in its writable layer with names of log files."""
        written = [one["Path"] for one in self.running.container.diff() or () if one["Kind"] != DIFF_DELETED]
        paths = [path for path in written if _LOG_FILE.search(path)][:20]
        sizes = {path: file_size(self.running.container, path) for path in paths}
        return {path: size for path, size in sizes.items() if size is not None}

    def wait_for_health(self, wanted: Collection[str], within_seconds: float) -> str:
        """Wait for one of these health states; return the last state, also after a timeout."""
        deadline = time.monotonic() + within_seconds
        while True:
            status = str((self.running.inspect()["State"].get("Health") or {}).get("Status") or "")
            if status in wanted or time.monotonic() > deadline:
                return status
            time.sleep(POLL_SECONDS)

    def freeze(self) -> None:
        """Send SIGSTOP to its first process and, if it has a shell, to all others."""
        if len(self.processes()) > 1:
            with contextlib.suppress(APIError):
                self.running.container.exec_run(["sh", "-c", "kill -STOP -1"], detach=True)
                time.sleep(0.2)
        self.running.container.kill(signal="SIGSTOP")

    def stop(self, timeout_seconds: int = STOP_SECONDS) -> tuple[float | None, int | None]:
        """Send the stop signal; return the seconds until it ended and its exit code, or None if it had ended before."""
        if not self.running.inspect()["State"]["Running"]:
            return None, None
        began = time.monotonic()
        self.running.container.stop(timeout=timeout_seconds)
        return time.monotonic() - began, int(self.running.inspect()["State"]["ExitCode"])

    def log(self) -> pd.DataFrame:
        """Read its log as a DataFrame; the log driver keeps it under 8 MB."""
        return read_container(self.running.container)

    def _address(self) -> str:
        """Return its address on the network of the clones; "" while it has none."""
        networks = self.running.container.attrs["NetworkSettings"]["Networks"]
        return next((str(one["IPAddress"]) for one in networks.values() if one.get("IPAddress")), "")
