"""What clones of a target did: each run is made once, when the first rule asks for it, and shared by all.

Rules may ask from several threads: then clones run at the same time, at most AT_ONCE of them.
"""

from __future__ import annotations

import contextlib
import json
import secrets
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

import pandas as pd
from docker.errors import APIError

from workshop_kit.audit import clones
from workshop_kit.audit.backing import bring_up
from workshop_kit.audit.clones import Recipe
from workshop_kit.audit.network import Answer, get
from workshop_kit.audit.running import Clone, Started
from workshop_kit.audit.targets import Target
from workshop_kit.engine import mounted_files
from workshop_kit.engine.containers import Running
from workshop_kit.engine.mounted_files import MountedFiles
from workshop_kit.engine.resources import private_network
from workshop_kit.engine.session import Session
from workshop_kit.errors import WorkshopError
from workshop_kit.observe.leaks import new_canary
from workshop_kit.observe.logs import record
from workshop_kit.observe.masking import is_secret_name, secrets_among, variables_named
from workshop_kit.shared_property import shared_property

BUDGET_SECONDS = 40.0
"""So long after the first clone of a target was started, no other is."""
AT_ONCE = 3
"""Clones of one target that run at the same time."""
READY_SECONDS = 15.0
BARE_SECONDS = 12.0
PROBE_SECONDS = 2.0
SETTLE_SECONDS = 0.7
CONNECTED_SECONDS = 8.0
LINE_LENGTH = 4_000
LATE_ENOUGH = 3
"""After so many answers that did not come in time no more are waited for."""
PROBE_PATHS = (
    "/livez", "/readyz", "/healthz", "/health", "/live", "/ready", "/health/live", "/health/ready", "/ping", "/status",
    "/-/healthy", "/-/ready", "/actuator/health",
)  # fmt: skip
ASKED_PATHS = ("/", *PROBE_PATHS, "/metrics")
NOT_THERE = {404, 405, 501}
CANARY_VARIABLE = "WORKSHOP_AUDIT_PASSWORD"
PORT_VARIABLE = "PORT"
"""Platforms give the port in it: it is tried where nobody gave it, too."""
HANGS_WITHIN_SECONDS = 12.0
OUT_OF_REACH = "The network of its clones cannot be reached: the engine has a machine of its own."
_SETTINGS = "Audit a container of it that has its settings."
_BACKING = "Name the services it needs: --with compose:PROJECT."


@dataclass(frozen=True)
class Run:
    """One run of a clone. ``stopped_seconds`` and ``exit_code`` are None where it was not stopped, or ended before.

    Among ``answers`` are those to two random paths; in the time ``asked`` it may have written about what it was asked.
    """

    started: Started
    log: pd.DataFrame
    answers: tuple[Answer, ...] = ()
    programs: tuple[str, ...] = ()
    log_files: Mapping[str, int] = field(default_factory=dict)  # path in the writable layer → bytes
    written: tuple[str, ...] = ()
    stopped_seconds: float | None = None
    exit_code: int | None = None
    reached: bool = True  # whether this machine is on the clone's network
    asked: tuple[datetime, datetime] | None = None

    @property
    def unknown(self) -> tuple[Answer, ...]:
        """What it answered to random paths, which nobody has."""
        return tuple(one for one in self.answers if one.path not in ASKED_PATHS)

    @property
    def answers_everything(self) -> bool:
        """Whether it answers a path that nobody has with a success: then its answers say little."""
        return any(200 <= (one.status or 0) < 300 for one in self.unknown)

    def metrics(self) -> Answer | None:
        """What /metrics answered, if it is there."""
        found = (one for one in self.answers if one.path == "/metrics" and one.status == 200)
        return next(filter(self._is_own, found), None)

    def probes(self) -> tuple[Answer, ...]:
        """What the usual paths of probes answered, those that are there or did not answer in time."""
        there = (one for one in self.answers if one.late or one.status not in {None, *NOT_THERE})
        return tuple(one for one in there if one.path in PROBE_PATHS and self._is_own(one))

    def _is_own(self, answer: Answer) -> bool:
        """Whether it is the answer of this path, not of any path; where no two pages are alike the status tells."""
        unknown = self.unknown
        if answer.late or not unknown:
            return True
        if not unknown[0].is_like(unknown[-1]):
            return answer.status not in {one.status for one in unknown}
        return not answer.is_like(unknown[0])

    def lines(self, count: int = 3) -> str:
        """The last lines of its log."""
        return " / ".join(text[:LINE_LENGTH] for text in texts(self.log.tail(count)))


@dataclass(frozen=True)
class Canaried:
    """A clone whose secrets were random words and whose port was another one (``moved``: old and new by variable)."""

    run: Run
    canaries: Mapping[str, str]
    moved: Mapping[str, tuple[int, int]]
    still_on: tuple[int, ...] = ()
    now_on: tuple[int, ...] = ()


@dataclass
class Runs:
    """The runs of one target on one private network, with the clones of backing services beside it."""

    session: Session
    target: Target
    backing: Sequence[Target] = ()
    budget_seconds: float = BUDGET_SECONDS
    _stack: contextlib.ExitStack = field(default_factory=contextlib.ExitStack)
    _slots: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(AT_ONCE))
    _running: list[Running] = field(default_factory=list)
    _began: float | None = None
    _is_closed: bool = False
    _overflow: str = ""

    def close(self) -> None:
        """Remove what is left: clones, backing services, the network. A rule that still waits for a clone gets none."""
        self._is_closed = True
        for running in list(self._running):
            running.remove()
        self._stack.close()

    @shared_property
    def network(self) -> str:
        """The private network; clones of backing services are on it, ready or not after 30 s."""
        name = self._stack.enter_context(private_network(self.session))
        self._stack.enter_context(bring_up(self.session, self.backing, name))
        return name

    @shared_property
    def mounted(self) -> list[MountedFiles]:
        """The files that are mounted into it, as far as clones get copies. See `mounted_files.read`."""
        return mounted_files.read(self.session, self.target.container) if self.target.container else []

    @shared_property
    def _copies(self) -> dict[str, str]:
        return self._stack.enter_context(mounted_files.copied(self.session, self.target.image["Id"], self.mounted))

    @property
    def environment(self) -> dict[str, str]:
        """What it is given: a container's variables, or the image's."""
        return variables(self.target.config)

    @property
    def given(self) -> dict[str, str]:
        """What a container was given beyond its image's defaults."""
        image = variables(self.target.image["Config"])
        return {name: value for name, value in self.environment.items() if image.get(name) != value}

    @shared_property
    def normal(self) -> Run:
        """With its settings: started, asked, watched, stopped."""
        self._require_bounds()
        started, clone, block = self._begun
        with block:
            if started.ended:
                return Run(started, clone.log())
            seen = self._look(started, clone)
            seconds, code = clone.stop()
            return replace(seen, log=clone.log(), stopped_seconds=seconds, exit_code=code)

    @shared_property
    def _begun(self) -> tuple[Started, Clone, contextlib.ExitStack]:
        """The same until it is ready: from here on other clones start, too. ``normal`` ends it, or `close`."""
        with contextlib.ExitStack() as block:
            clone = block.enter_context(self._clone(self._recipe()))
            return clone.start(READY_SECONDS), clone, self._stack.enter_context(block.pop_all())

    def _look(self, started: Started, clone: Clone) -> Run:
        """Ask it, and see what it does."""
        first = clone.processes()
        time.sleep(SETTLE_SECONDS)
        answers = self._answers(clone)
        programs = tuple(name for pid, name in clone.processes().items() if first.get(pid) == name)
        files, written = clone.log_sizes(), tuple(clone.written())
        asked = (clone.connected_at, datetime.now(UTC)) if clone.connected_at else None
        return Run(started, clone.log(), answers, programs, files, written, reached=bool(clone.address), asked=asked)

    def _answers(self, clone: Clone) -> tuple[Answer, ...]:
        """What it answers, once it has started; with backing services, once they are connected."""
        deadline = time.monotonic() + CONNECTED_SECONDS
        while True:
            answers = ask(clone)
            starts = any(one.status == 503 and (self.backing or one.path == "/metrics") for one in answers)
            if not starts or time.monotonic() > deadline:
                return answers
            time.sleep(SETTLE_SECONDS)

    def ready_run(self) -> Run:
        """The run with its settings. Raises WorkshopError if it did not get ready."""
        run = self.normal
        if not run.started.ready:
            sentence = f"A clone of it did not get ready: it {run.started.summary}."
            raise WorkshopError(sentence, _SETTINGS if not self.given else _BACKING, output=run.lines())
        return run

    def _require_ready(self) -> None:
        """Raise WorkshopError if it did not get ready."""
        if not self._begun[0].ready:
            self.ready_run()

    def asked_run(self) -> Run:
        """The run that was asked over its network. Raises WorkshopError if it was not ready, or not in reach."""
        run = self.ready_run()
        if not run.reached:
            raise WorkshopError(OUT_OF_REACH, "Run the audit on the machine that the engine runs on.")
        return run

    @shared_property
    def bare(self) -> Run:
        """Without what it was given: with the image's defaults alone."""
        if not self.given:
            return self.normal
        with self._clone(self._recipe().with_environment(variables(self.target.image["Config"]))) as clone:
            return Run(clone.start(BARE_SECONDS, until_ended=True), clone.log())

    @shared_property
    def killed(self) -> Started:
        """Killed once it was ready, and started again."""
        self._require_ready()
        with self._clone(self._recipe()) as clone:
            clone.start(self._patience)
            clone.running.container.kill()
            clone.running.container.wait(timeout=10)
            return clone.start(self._patience)

    @shared_property
    def confined(self) -> Run:
        """With a read-only root and without capabilities."""
        self._require_ready()
        with self._clone(self._recipe().confined()) as clone:
            return Run(clone.start(self._patience), clone.log())

    @shared_property
    def hung(self) -> tuple[str, float]:
        """Its health, and after how many seconds, when its processes were stopped with SIGSTOP while it was healthy."""
        self._require_ready()
        with self._clone(self._recipe()) as clone:
            clone.start(self._patience)
            before = clone.wait_for_health({"healthy"}, READY_SECONDS)
            if before != "healthy":
                raise WorkshopError(f"Its health check was {before or 'not run'} in the clone already.", _BACKING)
            clone.freeze()
            started = time.monotonic()
            after = clone.wait_for_health({"unhealthy"}, HANGS_WITHIN_SECONDS)
            return after, time.monotonic() - started

    @shared_property
    def canaried(self) -> Canaried:
        """With random words for its secrets, and another number for the port it listens on."""
        normal = self._begun[0]
        secret = {*secrets_among(self.environment), *filter(is_secret_name, self.environment), *self._named()}
        canaries = {name: new_canary() for name in sorted({*secret, CANARY_VARIABLE})}
        ports = {name: int(value) for name, value in self.environment.items() if value.isdecimal()}
        moved = {
            name: (port, port + 1111)
            for name, port in ({PORT_VARIABLE: normal.ports[0], **ports} if normal.ports else {}).items()
            if name.upper().endswith("PORT") and port in normal.ports
        }
        changed = {name: str(new) for name, (_, new) in moved.items()}
        with self._clone(self._recipe().with_environment({**self.environment, **canaries, **changed})) as clone:
            clone.ports = (*clone.ports, *(new for _, new in moved.values()))
            started = clone.start(self._patience if normal.ready else BARE_SECONDS)
            still = tuple(old for old, _ in moved.values() if clone.accepts(old))
            now = tuple(new for _, new in moved.values() if clone.accepts(new))
            ask(clone, ("/",))
            clone.stop(2)
            return Canaried(Run(started, clone.log()), canaries, moved, still, now)

    def _named(self) -> list[str]:
        """Variables that its own messages name, and that look like secrets'."""
        named = [name for name in variables_named(self.bare.lines(20)) if is_secret_name(name)]
        return [name for name in named if f"{name}_FILE" not in self.environment]  # both at once would be a mistake

    @property
    def _patience(self) -> float:
        """Twice as long as it took before, and a little."""
        return min(2 * self._begun[0].seconds + 3, READY_SECONDS)

    def _recipe(self) -> Recipe:
        return clones.recipe(self.target, self.environment, self.network, self._copies)

    @contextlib.contextmanager
    def _clone(self, recipe: Recipe) -> Iterator[Clone]:
        """A clone in one of the slots. Raises WorkshopError if it had to be stopped for what it wrote."""
        with self._slots:
            self._require_time()
            over = threading.Event()
            with clones.make(self.session, recipe) as running, ThreadPoolExecutor(1) as pool:
                watching = pool.submit(clones.watch_writing, running, over)
                self._running.append(running)
                try:
                    yield Clone(running, self.target.config, variables(self.target.config))
                except APIError as refused:
                    raise WorkshopError(f"The engine refused to run it: {refused.explanation}.") from refused
                finally:
                    over.set()
                    self._overflow = self._overflow or watching.result()
                    self._running.remove(running)
            self._require_bounds()

    def _require_bounds(self) -> None:
        """Raise WorkshopError once a clone was stopped for what it wrote."""
        if self._overflow:
            raise WorkshopError(f"A clone of it was stopped: it wrote {self._overflow}.")

    def _require_time(self) -> None:
        """Raise WorkshopError once clones have run for long enough, or the audit is over."""
        self._require_bounds()
        now = time.monotonic()
        self._began = self._began or now
        if self._is_closed or now - self._began > self.budget_seconds:
            sentence = f"Clones of it have run for {now - self._began:.0f} s already."
            raise WorkshopError(sentence, "Ask for this alone: --only.")


def texts(log: pd.DataFrame) -> list[str]:
    """The lines of a log as text: as they were written, or the same fields as JSON."""
    lines = []
    for row in range(len(log)):
        raw = log["raw"].iloc[row]
        lines.append(str(raw) if pd.notna(raw) else json.dumps(record(log, row), default=str, ensure_ascii=False))
    return lines


def variables(config: Mapping[str, Any]) -> dict[str, str]:
    """The environment in a container's or image's settings, by name."""
    return {name: value for name, _, value in (pair.partition("=") for pair in config.get("Env") or ())}


def ask(clone: Clone, paths: Sequence[str] = ASKED_PATHS) -> tuple[Answer, ...]:
    """GET these between two random paths, on the first port that speaks HTTP; not many more once none is answered."""
    answers: list[Answer] = []
    first, last = (f"/{secrets.token_hex(6)}" for _ in range(2))
    for port in clone.open_ports():
        for path in (first, *paths, last):
            answers.append(get(clone.address, port, path, within_seconds=PROBE_SECONDS))
            if sum(one.late for one in answers) >= LATE_ENOUGH or (
                len(answers) == 1 and answers[0].status is None and not answers[0].late
            ):
                break
        if any(one.status for one in answers):
            break
    return tuple(answers)
