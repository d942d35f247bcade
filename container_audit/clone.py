"""A running clone: start, open ports, requests, written files, health, stop."""

from __future__ import annotations

import contextlib
import operator
import re
import secrets
import time
from collections.abc import Collection, Iterator

from docker.errors import APIError

from container_audit.clone_run import REQUEST_PATHS, CloneStart, CloneStop
from container_audit.clone_spec import HEALTH_RETRIES, STOP_SECONDS
from container_audit.mounted_files import file_size
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
MOST_LOG_FILES = 20
LATE_ENOUGH = 3
"""After so many late answers no more requests are sent."""
_LOG_FILE = re.compile(r"(^/var/log/|/logs?/|\.log(\.\d+)?$|[._-]log$|\.(out|err)$)")


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
        """Observe ``running``, a container like ``target``; ``address`` is "" until the clone serves a port."""
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
