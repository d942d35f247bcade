"""A running container with a participant's code, as a check sees it.

The container is confined and bounded in memory, processes, log and disk. No file of this machine is mounted into it.
Every method returns by the trial's deadline.
"""

from __future__ import annotations

import contextlib
import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeVar

from docker.errors import APIError

from workshop_kit.engine import containers
from workshop_kit.engine.containers import Running
from workshop_kit.observe import http
from workshop_kit.observe.http import Answer, Connection
from workshop_kit.patience import Waits, patient, wait_for

PORT = 8080
SMALL_LOG = {"Type": "json-file", "Config": {"max-size": "1m", "max-file": "2"}}
NO_HEALTHCHECK = {"Test": ["NONE"]}
"""The engine would run the health check inside, where a fork bomb leaves no room for it."""
DEADLINE_SECONDS = 60.0
SLOW_ERROR_SECONDS = 0.5
"""An error that took so long may come from a limit inside the service, which a busy machine runs into."""
START_SECONDS = 6.0
ANSWER_SECONDS = 2.0
LOOK_SECONDS = 0.02
LONGEST_BODY = 200
ENDED_ERRORS = (http.REFUSED, http.CLOSED)
"""What a request gets if the container has ended."""
Observation = TypeVar("Observation")
MARK = "told-by-the-check:"
"""Before the JSON that a program of a check prints, in a log with other lines."""


def fields_of(line: str | bytes) -> dict[str, Any]:
    """Return the fields of a log line that is a JSON object; {} for another line."""
    try:
        fields = json.loads(line)
    except (ValueError, RecursionError):
        return {}
    return fields if isinstance(fields, dict) else {}


def printed_json(log: str) -> Any:
    """Return the JSON that a program printed behind `MARK`. Raises ValueError if the log has no such line."""
    for line in log.split("\n"):
        if line.startswith(MARK):
            return json.loads(line.removeprefix(MARK))
    raise ValueError(f"no line begins with {MARK}")


@dataclass(frozen=True)
class Reply(Answer):
    """An answer as a check has `Seen` it: with the request, what went on meanwhile, and what came back in words."""

    called: str = ""
    got: str = ""


@dataclass
class Trial:
    """A running container. No method raises for what the participant's code does; none waits past its deadline.

    ``secrets`` are masked in its log lines. Once ``superseded`` is set, a newer check has begun. Waits that ended by
    their limit are noted in ``waits``. ``situation`` follows each request in its words: `` while redis hangs``.
    """

    running: Running
    deadline_seconds: float = DEADLINE_SECONDS
    secrets: tuple[str, ...] = field(default=(), repr=False)
    port: int = PORT
    superseded: threading.Event = field(default_factory=threading.Event)
    waits: Waits = field(default_factory=Waits)
    began: float = field(default_factory=time.monotonic)
    situation: str = ""

    def __post_init__(self) -> None:
        host_port = containers.host_port(self.running.inspect(), self.port)  # None: it ended before
        self.address = f"http://127.0.0.1:{host_port or 0}"  # port 0 refuses every connection

    @property
    def left_seconds(self) -> float:
        """The seconds until the deadline; 0 once a newer check has begun."""
        if self.superseded.is_set():
            return 0.0
        return max(0.0, patient(self.deadline_seconds) - self.age_seconds)

    @property
    def age_seconds(self) -> float:
        """The seconds since the container was started."""
        return time.monotonic() - self.began

    def get(self, path: str, **options: Any) -> Reply:
        """Send ``GET path``; ``options`` are those of `send`."""
        return self.send("GET", path, **options)

    def post(self, path: str, body: Any, **options: Any) -> Reply:
        """Send ``POST path`` with JSON; ``options`` are those of `send`."""
        return self.send("POST", path, body, **options)

    def send(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        within_seconds: float = ANSWER_SECONDS,
        headers: Mapping[str, str] | None = None,
        expected: int | None = None,
    ) -> Reply:
        """Send a request, with JSON if there is a body; an error with the ``expected`` status is not noted."""
        url = f"{self.address}{path}"
        limit_seconds = self._limit_seconds(within_seconds)
        answer = http.request(method, url, json_body=body, headers=headers, timeout_seconds=limit_seconds)
        is_expected = answer.status is not None and answer.status == expected
        if not is_expected:
            self._note_wait(answer, f"{method} {path}")
        return self._reply(answer, f"{method} {path}")

    @contextlib.contextmanager
    def half_post(self, path: str, body: Any) -> Iterator[Callable[[], Reply]]:
        """Send the headers and half the body of a POST; yield a function that sends the rest and reads the answer.

        The connection is closed at the end of the block.
        """
        data = json.dumps(body).encode()
        half = len(data) // 2
        headers = {"Content-Type": "application/json", "Content-Length": str(len(data)), "Expect": "100-continue"}
        with Connection(f"{self.address}{path}", timeout_seconds=self._limit_seconds()) as connection:
            connection.send_head("POST", headers)
            connection.wait_continue(self._limit_seconds())
            connection.send(data[:half])

            def finish() -> Reply:
                connection.send(data[half:])
                answer = connection.answer(self._limit_seconds())
                self._note_wait(answer, f"POST {path}")
                return self._reply(answer, f"POST {path}, half of it before, the rest")

            yield finish

    def poll(
        self,
        look: Callable[[], Observation],
        done: Callable[[Observation], bool],
        within_seconds: float,
        *,
        missing: str,
        pause_seconds: float = 0.1,
    ) -> Observation:
        """Call ``look`` until ``done`` accepts what it returns, or the time is up; return what it returned last.

        ``missing`` says in a few words what did not come: it is noted if the time was up.
        """

        def is_over(observation: Observation) -> bool:
            return done(observation) or self.left_seconds == 0

        began = time.monotonic()
        observation = wait_for(look, within_seconds, until=is_over, pause_seconds=pause_seconds)
        if not done(observation):
            self.waits.add(missing, time.monotonic() - began)
        return observation

    def wait_answer(self, path: str, within_seconds: float) -> bool:
        """Poll a path until it answers with 200; return False if the time is up or the container has ended."""
        return self._wait_reply(path, within_seconds, lambda reply: reply.status == 200, "no good answer")

    def wait_listening(self, path: str, within_seconds: float) -> bool:
        """Poll a path until it answers with any status; return False if the time is up or the container has ended."""
        return self._wait_reply(path, within_seconds, lambda reply: reply.status is not None, "no answer")

    def wait_ended(self, within_seconds: float) -> int | None:
        """Poll until the container has ended; return its exit code, or None if it still runs."""

        def has_ended(exit_code: int | None) -> bool:
            return exit_code is not None

        return self.poll(self.exit_code, has_ended, within_seconds, missing="it still ran", pause_seconds=LOOK_SECONDS)

    def exit_code(self) -> int | None:
        """Ask the engine for the exit code; None while the container runs."""
        state = self.running.inspect()["State"]
        return int(state["ExitCode"]) if state["Status"] in {"exited", "dead"} else None

    def signal(self, name: str) -> None:
        """Send a signal (``SIGTERM``) to process 1; do nothing if the container has ended."""
        with contextlib.suppress(APIError):
            self.running.container.kill(name)

    def log_tail(self, limit_bytes: int = 4096, limit_lines: int = containers.LOG_TAIL_LINES) -> str:
        """Return the end of its log, with secrets masked."""
        text = self._mask(self.running.log_tail(limit_lines))
        return text.encode()[-limit_bytes:].decode(errors="ignore")

    def _wait_reply(self, path: str, within_seconds: float, is_good: Callable[[Reply], bool], missing: str) -> bool:
        """Poll a path until its reply is good; return False if the time is up or the container has ended."""

        def is_good_or_ended(reply: Reply) -> bool:
            has_ended = reply.status is None and self.exit_code() is not None
            return is_good(reply) or has_ended

        what = f"{missing} to GET {path} on port {self.port}"
        return is_good(self.poll(partial(self.get, path), is_good_or_ended, within_seconds, missing=what))

    def _reply(self, answer: Answer, request: str) -> Reply:
        """Return an answer as a check sees it, with secrets masked in its words."""
        got = str(answer)
        if answer.status is not None:
            got = f"{answer} after {answer.seconds:.2f} s"
        elif answer.error in ENDED_ERRORS and self.exit_code() is not None:
            got = f"{answer}: it had ended with exit code {self.exit_code()}"
        if answer.body:
            got = f"{got}\n{self._mask(answer.body)[:LONGEST_BODY]}"
        return Reply(**vars(answer), called=f"{request}{self.situation}", got=got)

    def _mask(self, text: str) -> str:
        """Return a text in which the secrets are masked."""
        for secret in self.secrets:
            text = text.replace(secret, "(secret)")
        return text

    def _note_wait(self, answer: Answer, request: str) -> None:
        """Note a wait if no answer came in time, or if the service waited for something and then answered an error."""
        is_error = answer.status is not None and answer.status >= 500
        is_slow_error = is_error and answer.seconds > SLOW_ERROR_SECONDS
        if answer.is_late or is_slow_error:
            text = "no answer" if answer.is_late else str(answer)
            self.waits.add(f"{text} to {request} on port {self.port}", answer.seconds)

    def _limit_seconds(self, seconds: float = ANSWER_SECONDS) -> float:
        """Return the limit for one answer: never past the trial's deadline, and never 0."""
        return max(0.05, min(patient(seconds), self.left_seconds))
