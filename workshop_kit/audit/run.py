"""One run of a clone: its start, log, answers and programs; and the requests that it is sent."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import pandas as pd

from workshop_kit.audit.clone import Clone, StartResult
from workshop_kit.observe import http
from workshop_kit.observe.http import Answer
from workshop_kit.observe.logs import record

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


@dataclass(frozen=True)
class Run:
    """One run of a clone; ``stopped_seconds`` and ``exit_code`` are None if it was not stopped or had ended before.

    ``answers`` include those to two random paths. Log lines between the two times ``asked`` may be about requests.
    """

    started: StartResult
    log: pd.DataFrame
    answers: tuple[Answer, ...] = ()
    programs: tuple[str, ...] = ()
    log_files: Mapping[str, int] = field(default_factory=dict)  # path in the writable layer → bytes
    stopped_seconds: float | None = None
    exit_code: int | None = None
    reached: bool = True  # whether this machine is on the clone's network
    asked: tuple[datetime, datetime] | None = None

    @property
    def unknown(self) -> tuple[Answer, ...]:
        """The answers to random paths, which no service has."""
        return tuple(one for one in self.answers if one.path not in ASKED_PATHS)

    @property
    def answers_everything(self) -> bool:
        """Whether it answers random paths with success; then its answers prove nothing."""
        return any(200 <= (one.status or 0) < 300 for one in self.unknown)

    def metrics(self) -> Answer | None:
        """The answer of /metrics, if that path exists."""
        found = (one for one in self.answers if one.path == "/metrics" and one.status == 200)
        return next(filter(self._is_own, found), None)

    def probes(self) -> tuple[Answer, ...]:
        """The answers of the usual probe paths that exist or did not answer in time."""
        there = (one for one in self.answers if one.is_late or one.status not in {None, *NOT_THERE})
        return tuple(one for one in there if one.path in PROBE_PATHS and self._is_own(one))

    def _is_own(self, answer: Answer) -> bool:
        """Whether the answer differs from those to random paths; if these differ, compare the status."""
        unknown = self.unknown
        if answer.is_late or not unknown:
            return True
        if not are_alike(unknown[0], unknown[-1]):
            return answer.status not in {one.status for one in unknown}
        return not are_alike(answer, unknown[0])

    def lines(self, count: int = 3) -> str:
        """The last lines of its log."""
        return " / ".join(text[:LINE_LENGTH] for text in log_texts(self.log.tail(count)))


@dataclass(frozen=True)
class CanaryRun:
    """A run with random words as secrets and with another port (``moved``: variable to old and new port)."""

    run: Run
    canaries: Mapping[str, str]
    moved: Mapping[str, tuple[int, int]]
    still_on: tuple[int, ...] = ()
    now_on: tuple[int, ...] = ()


def are_alike(one: Answer, other: Answer) -> bool:
    """Whether two answers are equal apart from their own path in the body."""
    bodies = [answer.body.replace(answer.path, "") for answer in (one, other)]
    return one.status == other.status and bodies[0] == bodies[1]


def log_texts(log: pd.DataFrame) -> list[str]:
    """The lines of a log as text; parsed lines as JSON."""
    lines = []
    for row in range(len(log)):
        raw = log["raw"].iloc[row]
        lines.append(str(raw) if pd.notna(raw) else json.dumps(record(log, row), default=str, ensure_ascii=False))
    return lines


def ask(clone: Clone, paths: Sequence[str] = ASKED_PATHS) -> tuple[Answer, ...]:
    """GET the paths, and a random path before and after them, on the first port that speaks HTTP."""
    answers: list[Answer] = []
    first, last = (f"/{secrets.token_hex(6)}" for _ in range(2))
    for port in clone.open_ports():
        for path in (first, *paths, last):
            answers.append(http.get(f"http://{clone.address}:{port}{path}", timeout_seconds=PROBE_SECONDS))
            if sum(one.is_late for one in answers) >= LATE_ENOUGH or (
                len(answers) == 1 and answers[0].status is None and not answers[0].is_late
            ):
                break
        if any(one.status for one in answers):
            break
    return tuple(answers)
