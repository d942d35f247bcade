"""The subject of the rules: one target, its image, its files, and clones of it.

Each ``read_…`` and ``run_…`` method works at its first call; after that all rules share its result, from any thread.
At most AT_ONCE clones run at the same time. It is one class of more than 300 lines: what a rule may look at.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import wraps
from pathlib import Path
from typing import Any, TypeVar

from docker.errors import APIError

from container_audit import build_steps, prober
from container_audit.build_steps import BuildStep
from container_audit.clone import KILL_SECONDS, Clone
from container_audit.clone_run import CloneRun, CloneStart
from container_audit.clone_spec import clone_spec, confine, limit_writes, private_network
from container_audit.mounted_files import MountedFiles, copied_files, read_mounted_files
from container_audit.prober import Prober
from container_audit.targets import Target
from workshop_kit.engine import containers, control
from workshop_kit.engine.container_spec import Spec
from workshop_kit.engine.containers import SECRETS_FOLDER
from workshop_kit.engine.control import NEXT_STEP
from workshop_kit.engine.session import Session
from workshop_kit.errors import WorkshopError
from workshop_kit.observe.layers import Member, members
from workshop_kit.observe.leaks import new_canary
from workshop_kit.observe.masking import Mask, is_secret_name, secrets_among
from workshop_kit.patience import patient

AT_ONCE = 3
READY_SECONDS = 15.0
HEALTHY_SECONDS = 8.0
"""A health check of a ready clone that is not good after this time is not expected to become so."""
SETTLE_SECONDS = 0.7
CANARY_STOP_SECONDS = 2.0
CANARY_VARIABLE = "WORKSHOP_AUDIT_PASSWORD"
PORT_VARIABLE = "PORT"
"""Platforms pass the port in this variable; it is tried on every target."""
HANGS_WITHIN_SECONDS = 12.0
_SETTINGS = "Audit a container of it that has its settings."
_ALONE = "A clone is alone on its network: it may need a service there."


Result = TypeVar("Result")


def once(compute: Callable[[Any], Result]) -> Callable[[Any], Result]:
    """Decorate a method so that it runs once per object: later calls, from any thread, return the first result.

    An exception is not kept: the next call runs the method again.
    """
    result_name = f"result of {compute.__name__}"
    lock_name = f"lock of {compute.__name__}"

    @wraps(compute)
    def call(owner: Any) -> Result:
        attributes: dict[str, Any] = owner.__dict__
        lock = attributes.setdefault(lock_name, threading.RLock())
        with lock:
            if result_name not in attributes:
                attributes[result_name] = compute(owner)
            result: Result = attributes[result_name]
            return result

    return call


@dataclass(frozen=True)
class CanaryRun:
    """A run with random words (``canaries``, by variable) as secrets, and with other ports.

    ``ports_by_variable`` has the old and the new port of each variable for a port.
    """

    run: CloneRun
    canaries: Mapping[str, str]
    ports_by_variable: Mapping[str, tuple[int, int]]
    open_old_ports: tuple[int, ...] = ()
    open_new_ports: tuple[int, ...] = ()


@dataclass(frozen=True)
class FrozenRun:
    """The health of a clone ``seconds`` after its processes were stopped.

    ``good_checks`` counts the health checks that passed since; the first of them may have begun before.
    """

    health: str
    seconds: float
    good_checks: int = 0


class Subject:
    """A target as the rules see it. Its clones run on a private network without any other service."""

    def __init__(self, session: Session, target: Target) -> None:
        self.session = session
        self.target = target
        self._stack = contextlib.ExitStack()
        self._slots = threading.Semaphore(AT_ONCE)
        self._stopped = ""  # the reason why no further clone starts
        self.mask = Mask(secrets_among(target.image_environment).values())
        self.mask.learn(*secrets_among(target.environment).values(), *self.read_file_secrets().values())

    def close(self) -> None:
        """Remove clones and the network; no further clone starts."""
        self._stopped = "The audit has ended."
        with contextlib.suppress(WorkshopError):  # the block of a clone that is still open raises that
            self._stack.close()

    @once
    def excuse(self) -> str:
        """Return the sentence that says why this machine was too slow for a judgment by time; "" if it was not."""
        image = prober.image_with_python(self.session)
        if not image:  # this machine asks the clones itself
            return ""

        measured = control.measure(self.session, image)
        return f"{measured} {NEXT_STEP}" if measured.is_slow else ""

    @once
    def read_history(self) -> list[Mapping[str, Any]]:
        """Read ``docker history`` of the image, oldest step first."""
        history = self._image().history()
        return list(reversed(history))

    @once
    def read_steps(self) -> list[BuildStep]:
        """Read the steps that built the image, with the lines of a Dockerfile in the current folder or below it."""
        return build_steps.read_steps(self.read_history(), Path.cwd())

    @once
    def read_files(self) -> list[Member]:
        """Read the files of all layers. Raises WorkshopError if the image is too large."""
        return members(self._image())

    @once
    def read_file_secrets(self) -> dict[str, str]:
        """Return the texts of the files in /run/secrets that are not empty, by path.

        They are masked in the report and searched for in the log.
        """
        secrets_by_path: dict[str, str] = {}
        for mounted in self._read_mounted_files():
            if mounted.folder != SECRETS_FOLDER:
                continue
            for path, text in mounted.texts().items():
                if text.strip():
                    secrets_by_path[path] = text.strip()

        return secrets_by_path

    @property
    def own_settings(self) -> dict[str, str]:
        """The variables of a container that differ from its image's."""
        image_environment = self.target.image_environment
        environment = self.target.environment
        return {name: value for name, value in environment.items() if image_environment.get(name) != value}

    @property
    def stop_signal(self) -> str:
        """The name of the signal that ``docker stop`` sends it."""
        return str(self.target.config.get("StopSignal") or "SIGTERM")

    @once
    def run_normal(self) -> CloneRun:
        """Run a clone with the target's settings: start it, send requests, look at it, stop it."""
        self._require_not_stopped()
        start, clone, block = self._start_normal()
        with block:
            if start.has_ended:
                return CloneRun(start, clone.log())

            time.sleep(SETTLE_SECONDS)
            answers = clone.send_requests()
            processes = clone.processes()
            if len(processes) > 1:  # a process that only helps at the start may need time to end
                time.sleep(patient(SETTLE_SECONDS))
                processes = clone.remaining_processes(processes)

            files = clone.log_sizes()
            stop = clone.stop(self.stop_signal)
            return CloneRun(start, clone.log(), answers, tuple(processes.values()), files, stop)

    @once
    def _start_normal(self) -> tuple[CloneStart, Clone, contextlib.ExitStack]:
        """Start the normal clone and wait until it is ready; return the start, the clone and the block that ends it.

        `run_normal` ends the block, or `close`.
        """
        with contextlib.ExitStack() as block:
            clone = block.enter_context(self._clone(self._spec()))
            start = clone.start(READY_SECONDS)
            open_block = self._stack.enter_context(block.pop_all())
            return start, clone, open_block

    def _normal_clone_start(self) -> CloneStart:
        """Return how the normal clone started; it is started if it was not yet."""
        start, _, _ = self._start_normal()
        return start

    def _require_ready(self) -> None:
        """Raise WorkshopError if the normal clone did not get ready."""
        if not self._normal_clone_start().ready:
            self.require_ready_run()

    def require_ready_run(self) -> CloneRun:
        """Return the normal run. Raises WorkshopError if the clone did not get ready."""
        run = self.run_normal()
        if run.start.ready:
            return run

        advice = _ALONE if self.own_settings else _SETTINGS
        if run.start.timed_out:  # a busy machine may be the only cause
            advice = self.excuse() or advice
        raise WorkshopError(f"A clone of it did not get ready: it {run.start.summary}.", advice, output=run.lines())

    @once
    def run_without_settings(self) -> CloneRun:
        """Run a clone with the environment of the image alone."""
        if not self.own_settings:
            return self.run_normal()

        spec = replace(self._spec(), environment=self.target.image_environment)
        with self._clone(spec) as clone:
            start = clone.start(READY_SECONDS, until_ended=True)
            return CloneRun(start, clone.log())

    @once
    def restart_after_kill(self) -> CloneStart:
        """Kill a ready clone and start it again."""
        self._require_ready()
        with self._clone(self._spec()) as clone:
            clone.start(READY_SECONDS)
            clone.running.container.kill()
            clone.running.container.wait(timeout=patient(KILL_SECONDS))
            return clone.start(READY_SECONDS)

    @once
    def run_confined(self) -> CloneRun:
        """Run a clone with a read-only root and without capabilities."""
        self._require_ready()
        with self._clone(confine(self._spec())) as clone:
            start = clone.start(READY_SECONDS)
            return CloneRun(start, clone.log())

    @once
    def freeze_processes(self) -> FrozenRun:
        """Send SIGSTOP to the processes of a healthy clone, and wait until it is unhealthy, or the time is over.

        Raises WorkshopError if the clone did not get healthy before.
        """
        self._require_ready()
        with self._clone(self._spec()) as clone:
            clone.start(READY_SECONDS)
            health = clone.wait_for_health({"healthy"}, HEALTHY_SECONDS)
            if health != "healthy":
                advice = self.excuse() or _ALONE
                raise WorkshopError(f"Its health check was {health or 'not run'} in the clone already.", advice)

            clone.freeze()
            earlier_checks = clone.health_checks()
            began = time.monotonic()
            limit_seconds = max(HANGS_WITHIN_SECONDS, clone.health_seconds)
            health = clone.wait_for_health({"unhealthy"}, limit_seconds)
            seconds = time.monotonic() - began

            checks = clone.health_checks()
            new_exit_codes = [exit_code for start, exit_code in checks.items() if start not in earlier_checks]
            return FrozenRun(health, seconds, good_checks=new_exit_codes.count(0))

    @once
    def run_with_canaries(self) -> CanaryRun:
        """Run a clone with random words as secrets, and with another port in each variable for a port."""
        environment = self.target.environment
        names_like_secrets = [name for name in environment if is_secret_name(name)]
        names = {*secrets_among(environment), *names_like_secrets, CANARY_VARIABLE}
        canaries = {name: new_canary() for name in sorted(names)}

        ports_by_variable = self._moved_ports()
        old_ports = [old_port for old_port, _ in ports_by_variable.values()]
        new_ports = [new_port for _, new_port in ports_by_variable.values()]
        new_settings = {name: str(new_port) for name, (_, new_port) in ports_by_variable.items()}

        spec = replace(self._spec(), environment={**environment, **canaries, **new_settings})
        with self._clone(spec) as clone:
            clone.ports = (*clone.ports, *new_ports)
            start = clone.start(READY_SECONDS)
            open_ports = clone.open_ports()
            clone.send_requests()
            clone.stop(self.stop_signal, CANARY_STOP_SECONDS)
            return CanaryRun(
                run=CloneRun(start, clone.log()),
                canaries=canaries,
                ports_by_variable=ports_by_variable,
                open_old_ports=tuple(port for port in old_ports if port in open_ports),
                open_new_ports=tuple(port for port in new_ports if port in open_ports),
            )

    def _moved_ports(self) -> dict[str, tuple[int, int]]:
        """Return the old and the new port of each variable whose value is an open port of the normal clone.

        A target without PORT_VARIABLE gets it, for the first open port.
        """
        normal_ports = self._normal_clone_start().ports
        ports_by_value = {str(port): (port, port + 1111) for port in normal_ports}
        first_value = next(iter(ports_by_value), "")
        variables = {PORT_VARIABLE: first_value, **self.target.environment}

        moved_ports: dict[str, tuple[int, int]] = {}
        for name, value in variables.items():
            if name.upper().endswith("PORT") and value in ports_by_value:
                moved_ports[name] = ports_by_value[value]
        return moved_ports

    def _image(self) -> Any:
        """Return the SDK's object of the image."""
        return self.session.engine.client.images.get(self.target.image["Id"])

    @once
    def _read_mounted_files(self) -> list[MountedFiles]:
        """Read the files that are mounted into a container; an image has none."""
        if not self.target.container:
            return []
        return read_mounted_files(self.session, self.target.container)

    @once
    def _network(self) -> str:
        """Create the network of the clones and return its name."""
        return self._stack.enter_context(private_network(self.session))

    @once
    def _prober(self) -> Prober:
        """Start the prober of the clones. Raises NotReady where nothing reaches their network."""
        return self._stack.enter_context(prober.on_network(self.session, self._network()))

    @once
    def _spec(self) -> Spec:
        """Create the network and the copies of mounted files, and return a clone's spec."""
        network = self._network()
        copies_block = copied_files(self.session, self.target.image["Id"], self._read_mounted_files())
        copies = self._stack.enter_context(copies_block)
        return clone_spec(self.target, self.target.environment, network, copies)

    @contextlib.contextmanager
    def _clone(self, spec: Spec) -> Iterator[Clone]:
        """Create a clone in one of the slots, and remove it at the end of the block.

        Raises WorkshopError if this clone or an earlier one was killed because it wrote too much.
        """
        with self._slots:
            self._require_not_stopped()
            end = threading.Event()
            clone_prober = self._prober()
            with containers.create(self.session, spec) as running, ThreadPoolExecutor(1) as pool:
                self._stack.callback(running.remove)  # `close` removes a clone that still runs
                reason = pool.submit(limit_writes, running, end)
                try:
                    yield Clone(running, self.target, clone_prober)
                except APIError as error:
                    raise WorkshopError(f"The engine refused to run it: {error.explanation}.") from error
                finally:
                    end.set()
                    self._stopped = self._stopped or reason.result()
            self._require_not_stopped()

    def _require_not_stopped(self) -> None:
        """Raise WorkshopError if no further clone may start."""
        if self._stopped:
            raise WorkshopError(self._stopped)
