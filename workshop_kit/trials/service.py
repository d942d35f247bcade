"""The service of a participant as a check gets it: built once, run as often as the check wants, and removed.

No method raises for what the participant's code does, but one: a check ends with a finding where no image can be built,
nothing answers, or its time is up.
"""

from __future__ import annotations

import contextlib
import inspect
import shlex
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Any, Self

from docker.errors import APIError

from workshop_kit.patience import configured_factor
from workshop_kit.trials import service_image, service_trial, trial_database
from workshop_kit.trials.check_context import CheckEnded, Context, seeded_random
from workshop_kit.trials.dependency_proxies import HANGS, OPEN, REFUSES, DependencyProxies, Faults, start_proxies
from workshop_kit.trials.expect import Observation, collected
from workshop_kit.trials.result import Finding, Result, conclude
from workshop_kit.trials.start_failure import start_failure_result
from workshop_kit.trials.trial import ANSWER_SECONDS, SLOW_ERROR_SECONDS, Reply, Trial
from workshop_kit.trials.trial_database import TrialDatabase

LISTEN_SECONDS = 8.0
COMMAND_SECONDS = 10
"""A command in the container is ended after so long, with exit code 124."""
SETTLE_SECONDS = 3.0
"""How long a change of the dependencies may take to show."""


@dataclass(frozen=True)
class End(Observation):
    """How a container or a command in it ended: its exit ``code``, None if it still runs."""

    code: int | None


@dataclass(frozen=True)
class Count(Observation):
    """A number of things that were counted."""

    number: int


@dataclass
class RunningService(Trial):
    """A running service. Its ``proxies`` are before those dependencies that can hang, refuse, and be back."""

    proxies: DependencyProxies = field(default_factory=lambda: DependencyProxies({}))
    report_step: Callable[[str], None] = lambda _what: None
    process_1: str = ""
    signaled_at: float = 0.0

    def wait_start(self) -> None:
        """Wait until it listens. Raises CheckEnded if it does not in time."""
        if not self.wait_listening("/", LISTEN_SECONDS):
            raise CheckEnded(start_failure_result(self, "GET /", "an answer"))

    def get_at_once(self, path: str, count: int) -> list[Reply]:
        """Send ``GET path`` many times at the same moment."""
        with ThreadPoolExecutor(count) as pool:
            return list(pool.map(self.get, [path] * count))

    def eventually(self, path: str, status: int, within_seconds: float = ANSWER_SECONDS) -> Reply:
        """Ask a path until it answers with this status and in time, or a few seconds are over; return what it says."""

        def is_good(reply: Reply) -> bool:
            return reply.status == status and self.is_prompt(reply, within_seconds)

        return self.poll(lambda: self.get(path), is_good, SETTLE_SECONDS, missing=f"GET {path} was not {status}")

    def hang(self, *names: str) -> None:
        """Let these dependencies accept connections and never answer; the others work."""
        self._set(HANGS, names, "hang" if len(names) > 1 else "hangs")

    def refuse(self, *names: str) -> None:
        """Let these dependencies refuse connections; the others work."""
        self._set(REFUSES, names, "refuse connections" if len(names) > 1 else "refuses connections")

    def restore(self) -> None:
        """Let all dependencies work again."""
        self.report_step("bringing its dependencies back")
        self.proxies.set(OPEN)
        self.situation = " once all are back, without a restart"

    def _set(self, state: Faults, names: Sequence[str], verb: str) -> None:
        dependencies = " and ".join(names)
        self.report_step(f"asking it while {dependencies} {verb}")
        self.proxies.set(state, *names)
        self.situation = f" while {dependencies} {verb}"

    def connections(self, at_most: int) -> Count:
        """Wait a moment for there to be few open connections to its dependencies; count them."""
        began = time.monotonic()
        missing = f"more than {at_most} connections were still open"
        number = self.poll(
            self.proxies.connection_count, lambda count: count <= at_most, SETTLE_SECONDS, missing=missing
        )
        called = f"Count the open connections to its dependencies{self.situation}"
        return Count(called, f"{number} connections", time.monotonic() - began, number)

    def packets_for(self, path: str, requests: int) -> Count:
        """Count the packets that it sends to its dependencies while it answers a few requests.

        It measures until there are fewer packets than requests, or a few seconds are over: a packet may belong to an
        earlier request.
        """
        began = time.monotonic()

        def measure() -> int:
            before = self.proxies.packet_count()
            for _ in range(requests):
                self.get(path)
            return self.proxies.packet_count() - before

        missing = f"GET {path} sent packets to the dependencies"
        number = self.poll(measure, lambda count: count < requests, SETTLE_SECONDS, missing=missing)
        called = f"Count what it sends to its dependencies for {requests} × GET {path}{self.situation}"
        return Count(called, f"{number} packets", time.monotonic() - began, number)

    def execute(self, *command: str) -> End:
        """Run a command in the container; say how it ended, with its last line."""
        began = time.monotonic()
        got = "the container had ended"
        code = None
        with contextlib.suppress(APIError):
            result = self.running.exec("timeout", str(COMMAND_SECONDS), *command)
            code = result.exit_code
            got = f"exit code {code}"
            _, _, last_line = result.output.rpartition("\n")
            if last_line:
                got = f"{got}\n{self._mask(last_line)}"
        return End(f"Run `{shlex.join(command)}` in the container", got, time.monotonic() - began, code)

    def signal(self, name: str) -> None:
        """Send a signal to process 1, and note its command line; do nothing if the container has ended."""
        self.report_step(f"sending {name} to process 1")
        with contextlib.suppress(APIError):  # it has ended
            self.process_1, _ = service_trial.read_process_1(self)
        super().signal(name)
        self.signaled_at = time.monotonic()
        self.situation = f" after {name}"

    def since_signal(self, reply: Reply) -> Reply:
        """Return a reply that counts its seconds from the signal, if how long that is ago decides what is right."""
        return replace(reply, seconds=time.monotonic() - self.signaled_at)

    def wait_end(self, within_seconds: float) -> End:
        """Wait for its end until so many seconds after the signal."""
        since_signal = time.monotonic() - self.signaled_at
        code = self.wait_ended(within_seconds - since_signal)
        seconds = time.monotonic() - self.signaled_at

        end = "it still runs" if code is None else f"exit code {code}"
        got = f"{end} after {seconds:.1f} s\nprocess 1: {self.process_1}"
        return End(f"Wait for its end{self.situation}", got, seconds, code)

    def is_prompt(self, reply: Reply, seconds: float) -> bool:
        """Return whether a reply came within a limit that a busy machine does not lengthen.

        A finding on a late one took long, so a control says whether the machine is to blame.
        """
        return reply.seconds <= seconds * (configured_factor() or 1.0)

    def _limit_seconds(self, seconds: float = ANSWER_SECONDS) -> float:
        """Return the limit for one answer. Raises CheckEnded once the time of the check is up."""
        if self.left_seconds == 0:
            self.waits.add("the check was not done", self.age_seconds)
            finding = Finding(
                False,
                "Run the check to its end",
                f"not done after {self.age_seconds:.0f} s",
                f"done within {self.deadline_seconds:.0f} s",
                means="The check was stopped: it waited too long for your service.",
                look="Which of the requests above took long, and what did the service wait for?",
            )
            raise CheckEnded(conclude("", [finding], self.log_tail()))
        return super()._limit_seconds(seconds)


class Service:
    """The service in a participant's folder. The end of a ``with`` block removes its image.

    ``random`` gives the same values for the same participant. ``log`` has the last lines of what ran last.
    """

    def __init__(self, context: Context) -> None:
        self.context = context
        self.random = seeded_random(context.exercise.id, context.seed)
        self.log = ""
        self._image = ""
        self._passwords: list[str] = []
        self._removed = contextlib.ExitStack()

    def build(self) -> str:
        """Build its image by its Dockerfile, unless that was done; return the tag."""
        if not self._image:
            self._image = self._removed.enter_context(service_image.build(self.context))
        return self._image

    @contextlib.contextmanager
    def run_alone(self, command: Sequence[str] | None = None, **options: Any) -> Iterator[RunningService]:
        """Run it without settings and databases, as in the first lesson, until it listens.

        The ``command`` is run in place of the image's, whatever entry point that has; ``options`` are fields of `Spec`.
        """
        entrypoint = tuple(command) if command else None
        with service_trial.run(self.context, self.build(), entrypoint=entrypoint, **options) as trial:
            yield from self._listening(trial, DependencyProxies({}))

    @contextlib.contextmanager
    def run(
        self,
        behind: Sequence[str] = (),
        environment: Mapping[str, str] | None = None,
        *,
        starting: bool = False,
        **options: Any,
    ) -> Iterator[RunningService]:
        """Run it with the stack's databases until it listens, with a proxy before each that it is ``behind``.

        ``environment`` is added to the stack's settings; ``options`` are those of `service_trial.run_with_stack`. With
        ``starting`` it is yielded at once: `RunningService.wait_start` waits.
        """
        service_trial.ensure_up(self.context.stack, self.context.report)
        image = self.build()
        with start_proxies(self.context.stack, *behind) as proxies:
            settings = {**(environment or {}), **proxies.environment}
            with service_trial.run_with_stack(self.context, image, environment=settings, **options) as trial:
                yield from self._listening(trial, proxies, starting=starting)

    def _listening(
        self, trial: Trial, proxies: DependencyProxies, *, starting: bool = False
    ) -> Iterator[RunningService]:
        """Wait until it listens, yield it, and keep its last lines. Raises CheckEnded if it does not listen in time."""
        running = RunningService(
            trial.running,
            secrets=(*trial.secrets, *self._passwords),
            superseded=self.context.superseded,
            waits=self.context.waits,
            proxies=proxies,
            report_step=self.context.report_step,
        )
        if not starting:
            running.wait_start()
        try:
            yield running
        finally:
            self.log = running.log_tail()

    @contextlib.contextmanager
    def database(self) -> Iterator[TrialDatabase]:
        """Start a database server of this check alone, and wait until it answers: `run` takes its settings.

        The image is built meanwhile.
        """
        service_trial.ensure_up(self.context.stack, self.context.report)
        with trial_database.start(self.context.stack) as database:
            self._passwords.append(database.password)
            self.build()
            database.wait_ready()
            yield database

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._removed.close()


def judge(check: Callable[[Service], None], context: Context) -> Result:
    """Return what a check found. Failed findings that took long are noted as waits, for the control that may follow.

    What failed is not hidden by a check that ends without a finding, because something cannot be judged.
    """
    with Service(context) as service, collected() as findings:
        try:
            check(service)
        except CheckEnded as ended:
            has_failed = not all(finding.passed for finding in findings)
            if ended.result.findings or not has_failed:
                return replace(ended.result, findings=(*findings, *ended.result.findings))

    for finding in findings:
        if not finding.passed and finding.seconds > SLOW_ERROR_SECONDS:
            context.waits.add(f"{finding.called}: not as expected", finding.seconds)
    return conclude(inspect.getdoc(check) or "", findings, service.log)
