"""What is known of one run of a clone: its start, its answers, its stop."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from container_audit.processes import Process, Process1
from workshop_kit.observe.events import KILLED
from workshop_kit.observe.http import Answer

LINE_LENGTH = 4_000
PROBE_PATHS = (
    "/livez", "/readyz", "/healthz", "/health", "/live", "/ready", "/health/live", "/health/ready", "/ping", "/status",
    "/-/healthy", "/-/ready", "/actuator/health",
)  # fmt: skip
REQUEST_PATHS = ("/", *PROBE_PATHS, "/metrics")
MISSING_PATH_STATUSES = {404, 405, 501}


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
