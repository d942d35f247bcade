"""A running clone: start, open ports, requests, written files, health, stop; and the data of one run."""

from __future__ import annotations

import contextlib
import operator
import re
import secrets
import time
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field

from docker.errors import APIError

from container_audit.clone_spec import HEALTH_RETRIES, STOP_SECONDS, file_size
from container_audit.prober import Prober
from container_audit.processes import (
    INSIDE,
    SIGNAL_COLUMNS,
    TREE_COLUMNS,
    Process,
    Process1,
    process_1_of,
    process_1_of_status,
    tree_of,
)
from container_audit.targets import Target
from workshop_kit.engine.containers import DIFF_DELETED, ENDED, Running
from workshop_kit.observe.events import KILLED
from workshop_kit.observe.http import Answer
from workshop_kit.patience import patient, wait_for

USUAL_PORTS = (8080, 80, 8000, 3000, 5000, 8081, 8888, 9000, 9090, 8443, 443, 5432, 3306, 6379, 27017)
ALIVE_SECONDS = 1.5
"""A clone without a port and without a health check is ready after this time."""
LASTS_SECONDS = 4.0
"""A clone that serves a port and runs this much longer is not expected to end by itself."""
POLL_SECONDS = 0.05
PROBE_SECONDS = 2.0
KILL_SECONDS = 10.0
"""How long the engine may take to end a clone by SIGKILL."""
LINE_LENGTH = 4_000
MOST_LOG_FILES = 20
LATE_ENOUGH = 3
"""After so many late answers no more requests are sent."""
PROBE_PATHS = (
    "/livez", "/readyz", "/healthz", "/health", "/live", "/ready", "/health/live", "/health/ready", "/ping", "/status",
    "/-/healthy", "/-/ready", "/actuator/health",
)  # fmt: skip
REQUEST_PATHS = ("/", *PROBE_PATHS, "/metrics")
MISSING_PATH_STATUSES = {404, 405, 501}
_LOG_FILE = re.compile(r"(^/var/log/|/logs?/|\.log(\.\d+)?$|[._-]log$|\.(out|err)$)")


@dataclass(frozen=True)
class CloneStart:
    """The result of a start: whether the clone got ready, after how many seconds, and its open ``ports``.

    ``by`` is the sign by which that was decided. ``exit_code`` is None unless the clone has ended.
    """

    ready: bool
    seconds: float
    by: str
    ports: tuple[int, ...] = ()
    exit_code: int | None = None
    out_of_memory: bool = False

    @property
    def has_ended(self) -> bool:
        """Whether the clone ended by itself."""
        return self.exit_code is not None

    @property
    def timed_out(self) -> bool:
        """Whether it was still running, but not ready in time."""
        return not self.ready and not self.has_ended

    @property
    def summary(self) -> str:
        """The end of a sentence that begins with "it"."""
        if self.out_of_memory:
            return f"ran out of memory after {self.seconds:.1f} s"
        if self.exit_code == KILLED:  # the engine begins to watch the memory a moment after the start
            return f"was killed after {self.seconds:.1f} s, probably by the kernel, for want of memory"
        if self.has_ended:
            return f"ended with code {self.exit_code} after {self.seconds:.1f} s"
        ready = "ready" if self.ready else "not ready"
        return f"was {ready} after {self.seconds:.1f} s ({self.by})"


@dataclass(frozen=True)
class CloneStop:
    """The result of a stop signal: the clone ended after ``seconds`` with ``exit_code``, or was ``killed`` then.

    ``before`` is process 1 before the signal was sent; ``after`` is process 1 before it was killed, None if it was not.
    Both are None where the engine does not tell.
    """

    seconds: float
    exit_code: int
    killed: bool = False
    before: Process1 | None = None
    after: Process1 | None = None


@dataclass(frozen=True)
class CloneRun:
    """One run of a clone; ``stop`` is None if it was not stopped or had ended before.

    ``answers`` include that of a random path, which no service has.
    """

    start: CloneStart
    log: tuple[str, ...] = ()
    answers: tuple[Answer, ...] = ()
    processes: tuple[Process, ...] = ()  # those that lasted
    log_files: Mapping[str, int] = field(default_factory=dict)  # path in the writable layer → bytes
    stop: CloneStop | None = None

    @property
    def answers_everything(self) -> bool:
        """Whether it answers a random path with success; then its answers prove nothing."""
        return any(200 <= status < 300 for status in self._statuses_of_random_paths if status)

    @property
    def _statuses_of_random_paths(self) -> set[int | None]:
        """The status codes of the random paths, each of another port; None for one without an answer."""
        return {answer.status for answer in self.answers if answer.path not in REQUEST_PATHS}

    def metrics(self) -> Answer | None:
        """Return the answer of /metrics, if that path exists."""
        if self.answers_everything:
            return None
        for answer in self.answers:
            if answer.path == "/metrics" and answer.status == 200:
                return answer
        return None

    def probes(self) -> tuple[Answer, ...]:
        """Return the answers of the usual probe paths that exist or did not answer in time."""
        statuses_of_missing_paths = {None, *MISSING_PATH_STATUSES, *self._statuses_of_random_paths}
        probes: list[Answer] = []
        for answer in self.answers:
            may_exist = answer.is_late or answer.status not in statuses_of_missing_paths
            if answer.path in PROBE_PATHS and may_exist:
                probes.append(answer)

        return tuple(probes)

    def is_late(self, path: str) -> bool:
        """Return whether a path answered late, or got no request because other paths were late."""
        late_paths = {answer.path for answer in self.answers if answer.is_late}
        paths_in_time = {answer.path for answer in self.answers if not answer.is_late}
        return bool(late_paths) and path not in paths_in_time

    def lines(self, count: int = 3) -> str:
        """Return the last lines of its log."""
        return " / ".join(line[:LINE_LENGTH] for line in self.log[-count:])


def _exposed_tcp_ports(target: Target) -> tuple[int, ...]:
    """Return the TCP ports in ``EXPOSE``, whose entries are ``8080/tcp`` or ``53/udp``."""
    entries = [entry.partition("/") for entry in target.config.get("ExposedPorts") or {}]
    tcp_ports = [port for port, _, protocol in entries if protocol == "tcp"]
    return tuple(int(port) for port in tcp_ports if port.isdecimal())


def _likely_ports(target: Target) -> tuple[int, ...]:
    """Return the ports in variables such as ``HTTP_PORT``, then the usual ones, each once."""
    values = [value for name, value in target.environment.items() if name.upper().endswith("PORT")]
    numbers = [int(value) for value in values if value.isdecimal()]
    ports_of_variables = [number for number in numbers if 0 < number < 65536]
    return tuple(dict.fromkeys((*ports_of_variables, *USUAL_PORTS)))


class Clone:
    """A created clone: start it, ask it, stop it."""

    def __init__(self, running: Running, target: Target, prober: Prober) -> None:
        self.running = running
        self.prober = prober
        self.exposed = _exposed_tcp_ports(target)
        self.ports = self.exposed or _likely_ports(target)
        self.has_health = bool(running.inspect()["Config"].get("Healthcheck"))
        self.address = ""

    def start(self, within_seconds: float, *, until_ended: bool = False) -> CloneStart:
        """Start it and wait until it is ready or has ended, at most ``within_seconds``.

        With ``until_ended`` a ready clone is watched on, as it may still end: for the same time again, or if it has an
        open port for LASTS_SECONDS.
        """
        began = time.monotonic()
        self.running.container.start()

        def read_end() -> CloneStart | None:
            return self._read_end(began)

        def read_outcome() -> CloneStart | None:
            return self._read_end(began) or self._find_readiness(began)

        outcome = wait_for(read_outcome, within_seconds, pause_seconds=POLL_SECONDS)
        if outcome is None:
            return CloneStart(False, time.monotonic() - began, "neither a port nor a health check was good")
        if outcome.has_ended or not until_ended:
            return outcome

        watched_seconds = LASTS_SECONDS if outcome.ports else within_seconds
        return wait_for(read_end, watched_seconds, pause_seconds=POLL_SECONDS) or outcome

    def _read_end(self, began: float) -> CloneStart | None:
        """Ask the engine whether the clone, started at ``began``, has ended; return how, None while it runs."""
        state = self.running.inspect()["State"]
        if state["Status"] not in ENDED:
            return None

        seconds = time.monotonic() - began
        out_of_memory = bool(state.get("OOMKilled"))
        return CloneStart(False, seconds, "ended", exit_code=int(state["ExitCode"]), out_of_memory=out_of_memory)

    def _find_readiness(self, began: float) -> CloneStart | None:
        """Return a successful start if the clone is ready now: by a port, else its health check, else its run time.

        It is read as the engine described it last. Returns None if it is not ready yet.
        """
        seconds = time.monotonic() - began
        is_long_enough = seconds > patient(ALIVE_SECONDS)
        if not self.address:
            self.address = self._read_address()

        health = self.running.container.attrs["State"].get("Health") or {}
        is_healthy = health.get("Status") == "healthy"
        if self.exposed or is_healthy or is_long_enough:
            ports = self.open_ports()
            if ports:
                return CloneStart(True, seconds, f"port {ports[0]} accepts connections", ports)
        if is_healthy:
            return CloneStart(True, seconds, "its health check is good")

        waits_for_port = bool(self.exposed and self.address)
        if is_long_enough and not self.has_health and not waits_for_port:
            return CloneStart(True, seconds, "it runs")
        return None

    def open_ports(self) -> tuple[int, ...]:
        """Find the ports that accept a connection."""
        if not self.address:
            return ()
        return self.prober.open_ports(self.address, self.ports)

    def send_requests(self) -> tuple[Answer, ...]:
        """GET a random path, then the usual ones, on the first port that speaks HTTP.

        Returns all answers, also those of earlier ports; after LATE_ENOUGH late ones no more requests are sent.
        """
        answers: list[Answer] = []
        for port in self.open_ports():
            for answer in self._ask_port(port):
                answers.append(answer)
                late_answers = [earlier for earlier in answers if earlier.is_late]
                if len(late_answers) >= LATE_ENOUGH:
                    return tuple(answers)

            if any(answer.status for answer in answers):
                break

        return tuple(answers)

    def _ask_port(self, port: int) -> Iterator[Answer]:
        """Yield the answers of one port, the next request only when it is wanted; stop if it does not speak HTTP."""
        speaks_http = False
        for path in (f"/{secrets.token_hex(6)}", *REQUEST_PATHS):
            url = f"http://{self.address}:{port}{path}"
            answer = self.prober.get(url, timeout_seconds=patient(PROBE_SECONDS))
            yield answer

            if answer.status:
                speaks_http = True
            if not speaks_http and not answer.is_late:
                return

    def processes(self) -> dict[str, Process]:
        """Return its processes by process id; empty if it has ended."""
        pid = str(self.running.inspect()["State"]["Pid"])
        try:
            table = self.running.container.top(ps_args=f"-o {','.join(TREE_COLUMNS)}")
        except APIError:
            return {}
        return tree_of(table.get("Processes") or (), pid)

    def remaining_processes(self, process_ids: Collection[str]) -> dict[str, Process]:
        """Return the processes with these ids that still run, with the commands that they run now."""
        return {pid: process for pid, process in self.processes().items() if pid in process_ids}

    def log_sizes(self) -> dict[str, int]:
        """Return the sizes in bytes, by path, of the new or changed files whose names are those of log files."""
        changes = self.running.container.diff() or ()
        paths = [change["Path"] for change in changes if change["Kind"] != DIFF_DELETED]
        log_paths = [path for path in paths if _LOG_FILE.search(path)]
        sizes = {path: file_size(self.running.container, path) for path in log_paths[:MOST_LOG_FILES]}
        return {path: size for path, size in sizes.items() if size is not None}

    def wait_for_health(self, states: Collection[str], within_seconds: float) -> str:
        """Wait for one of these health states; return the last state, also after a timeout."""

        def read_status() -> str:
            health = self.running.inspect()["State"].get("Health") or {}
            return str(health.get("Status") or "")

        return wait_for(read_status, within_seconds, until=states.__contains__, pause_seconds=POLL_SECONDS)

    def health_checks(self) -> dict[str, int]:
        """Return the exit codes of its last health checks (the engine keeps five), by the times they began."""
        health = self.running.inspect()["State"].get("Health") or {}
        checks = health.get("Log") or ()
        return {str(check["Start"]): int(check["ExitCode"]) for check in checks}

    @property
    def health_seconds(self) -> float:
        """How long its health check may take to find a fault, by its own timeout, interval and retries."""
        check = self.running.inspect()["Config"]["Healthcheck"]
        return float((HEALTH_RETRIES + 1) * (check["Timeout"] + check["Interval"]) / 1e9)

    def freeze(self) -> None:
        """Send SIGSTOP to its first process and, if it has a shell, to all others."""
        if len(self.processes()) > 1:
            with contextlib.suppress(APIError):
                self.running.container.exec_run(["sh", "-c", "kill -STOP -1"])
        self.running.container.kill(signal="SIGSTOP")

    def process_1(self) -> Process1 | None:
        """Read process 1 with its signal masks from the engine's ``ps``, else inside the clone; None if both fail."""
        pid = str(self.running.inspect()["State"]["Pid"])
        with contextlib.suppress(APIError):
            table = self.running.container.top(ps_args=f"-o {','.join(SIGNAL_COLUMNS)}")
            process = process_1_of(table.get("Processes") or (), pid)
            if process is not None:
                return process

        with contextlib.suppress(APIError):
            return process_1_of_status(self.running.read(*INSIDE))
        return None

    def stop(self, signal: str, within_seconds: float = STOP_SECONDS) -> CloneStop | None:
        """Send a signal and, once the time is over, SIGKILL, as ``docker stop`` does; None if it had ended before."""
        if not self._is_running():
            return None

        process_before = self.process_1()
        began = time.monotonic()

        with contextlib.suppress(APIError):  # it has just ended by itself
            self.running.container.kill(signal=signal)
        wait_for(self._is_running, within_seconds, until=operator.not_, pause_seconds=POLL_SECONDS)

        seconds = time.monotonic() - began
        process_after = self.process_1() if self._is_running() else None
        killed = self._kill()
        exit_code = int(self.running.inspect()["State"]["ExitCode"])
        return CloneStop(seconds, exit_code, killed, process_before, process_after)

    def _kill(self) -> bool:
        """Send SIGKILL if it still runs, and wait until it has ended; return whether the signal was sent."""
        if not self._is_running():
            return False

        killed = False
        with contextlib.suppress(APIError):  # it has just ended by itself
            self.running.container.kill()
            killed = True
        self.running.container.wait(timeout=patient(KILL_SECONDS))
        return killed

    def _is_running(self) -> bool:
        return bool(self.running.inspect()["State"]["Running"])

    def log(self) -> tuple[str, ...]:
        """Read the lines of its log that are not empty; the log driver keeps it under 8 MB."""
        content: bytes = self.running.container.logs()
        lines = content.decode(errors="replace").split("\n")
        return tuple(line for line in lines if line.strip())

    def _read_address(self) -> str:
        """Return its address on the network of the clones; "" while it has none."""
        networks = self.running.container.attrs["NetworkSettings"]["Networks"]
        for network in networks.values():
            if network.get("IPAddress"):
                return str(network["IPAddress"])
        return ""
