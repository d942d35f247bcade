"""The shop of an incident: environments that run releases of the service, and gateways to its dependencies.

It belongs to one kernel; the participant's stack keeps running beside it, and its databases serve the shop. A release
is a container with its number in the name (``production-41``); older ones stay, stopped, until the shop closes.
"""

from __future__ import annotations

import contextlib
import hashlib
import math
import threading
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from typing import Any

import pandas as pd
from docker.errors import APIError
from requests.exceptions import RequestException

from workshop_kit.engine import containers, recipes
from workshop_kit.engine.client import WorkspaceClient
from workshop_kit.engine.containers import SECRETS_FOLDER, Running, Spec
from workshop_kit.engine.labels import COLLECT, COMPOSE_SERVICE
from workshop_kit.engine.stack import Stack
from workshop_kit.errors import WorkshopError, WrongUsage
from workshop_kit.faults.handlers import post
from workshop_kit.gameday.busy import explain_if_busy
from workshop_kit.gameday.service import Service
from workshop_kit.host import MIB
from workshop_kit.observe import http, stats
from workshop_kit.observe.http import Answer
from workshop_kit.observe.logs import read_container
from workshop_kit.patience import patient
from workshop_kit.trials import dependency_proxies, service_trial, trial
from workshop_kit.trials.dependency_proxies import DependencyProxies

DEPENDENCIES = ("master-db", "replica-db", "redis")
MEMORY_MIB = 128
CPUS = 1.0
"""A release starts with a whole core; its own limit is set once it answers."""
LIVE_SECONDS = 45.0
READY_SECONDS = 3.0
"""How long a release that answers may take to get ready before it takes the place of the former one."""
OPERATORS_PORT = 8404
"""Where a balancer says how many copies are ready."""
POLL_SECONDS = 0.1
OK = 200
# How long a stop or a restart waits before it sends SIGKILL.
STOP_SECONDS = 2
GATEWAY_STOP_SECONDS = 1
SETTLE_SECONDS = 1.5
DEMAND_SECONDS = 2.5
AWAY = (APIError, RequestException, WorkshopError)
"""Errors of a container that is gone or does not run, or of an engine that does not answer."""
NOT_SET = "not set: its default"
HARDENED: Mapping[str, Any] = {
    "read_only": True,
    "tmpfs": {"/tmp": "size=16m,mode=1777"},  # noqa: S108
    "cap_drop": ["ALL"],
    "security_opt": ["no-new-privileges:true"],
    "pids_limit": 100,
    "dns_opt": ["timeout:1", "attempts:1"],
    "restart_policy": {"Name": "on-failure", "MaximumRetryCount": 50},
}


@dataclass(frozen=True)
class Release:
    """What an environment runs from ``time`` (UTC) on.

    ``settings`` are its variables without secrets, ``secrets`` have version and text by variable; ``code`` is the
    version of the image, ``team`` a label.
    """

    number: int
    environment: str
    settings: Mapping[str, str]
    secrets: Mapping[str, tuple[int, str]] = field(repr=False)
    code: int = 1
    memory_mib: int = MEMORY_MIB
    cpus: float = CPUS
    team: str = "orders"
    time: datetime | None = None

    @property
    def facts(self) -> dict[str, str]:
        """All its settings as text; of a secret the version, and a mark to compare it by."""
        secret = {name: f"version {version} (…{_mark(text)})" for name, (version, text) in self.secrets.items()}
        size = {"memory": f"{self.memory_mib} MiB", "cpus": f"{self.cpus:g}", "code": f"version {self.code}"}
        return {**size, "label team": self.team, **dict(sorted({**self.settings, **secret}.items()))}


class Shop:
    """Runs the containers of its environments, from `open` to `close`."""

    def __init__(self, stack: Stack, service: Service, gateways: DependencyProxies) -> None:
        self.stack = stack
        self.service = service
        self.gateways = gateways
        self.client = WorkspaceClient(stack.session, scope="kernel")
        self.balancers: dict[str, Running] = {}
        self.running: dict[str, Running] = {}
        self.made: list[tuple[str, Running]] = []  # older ones, too: their logs can still be read
        self.history: list[Release] = []
        self._lock = threading.RLock()

    def open(self, environments: Sequence[str]) -> None:
        """Release to each environment the first version, with the settings of the stack's service."""
        first_release = _first_release(self.stack, self.gateways)
        for number, name in enumerate(environments, 40):
            self.balancers[name] = self._run_balancer()
            release = replace(first_release, number=number, environment=name, time=datetime.now(UTC))
            self.running[name] = self._run(release)
            self.history.append(release)

        for name, running in self.running.items():  # they start at the same time
            with explain_if_busy(f"to open {name}"):
                running.wait_until(
                    partial(_is_ready, running), within_seconds=LIVE_SECONDS, what="answer 200 on /readyz"
                )
            self._wait_ready(name, 1)

    def close(self) -> None:
        """Remove every container; a second call changes nothing."""
        containers_made = [*self.balancers.values(), *(running for _, running in self.made)]
        with ThreadPoolExecutor() as pool:
            list(pool.map(Running.remove, containers_made))  # raises what a removal raised

    @property
    def environments(self) -> tuple[str, ...]:
        """Their names."""
        return tuple(self.running)

    def current(self, environment: str) -> Release:
        """Return the release that an environment runs. Raises WrongUsage for an unknown one."""
        if environment not in self.running:
            raise WrongUsage(f"There is no environment {environment!r}.", f"There is {', '.join(self.running)}.")
        return next(release for release in reversed(self.history) if release.environment == environment)

    def find(self, number: int) -> Release:
        """Return a release by its number. Raises WrongUsage for an unknown one."""
        for release in self.history:
            if release.number == number:
                return release

        numbers = ", ".join(str(release.number) for release in self.history)
        raise WrongUsage(f"There is no release {number!r}.", f"Releases so far: {numbers}.")

    def deploy(self, release: Release) -> Release:
        """Start a release under a new number and, once it answers, stop the former one; return it with its time.

        The former one serves until the balancer sees the new one ready; one that answers and does not get ready takes
        its place all the same. Raises WorkshopError if the release does not answer: then the former one goes on.
        """
        with self._lock:
            next_numbers = [deployed.number + 1 for deployed in self.history]
            number = max(next_numbers, default=release.number)
            new_release = replace(release, number=number, time=datetime.now(UTC))
            ready_before = self.ready_copies(new_release.environment)
            new_container = self._run(new_release)

            try:
                with explain_if_busy(f"to start release {number}"):
                    new_container.wait_until(
                        partial(_is_up, new_container), within_seconds=LIVE_SECONDS, what="answer on /livez"
                    )
            except WorkshopError:
                new_container.remove()
                raise

            if ready_before:  # else no customer is lost
                self._wait_for_new_copy(new_container, new_release.environment, ready_before + 1)
            if new_release.cpus != CPUS:
                limits = {"NanoCpus": round(new_release.cpus * 1e9)}
                post(self.stack.session, f"/containers/{new_container.id}/update", limits)

            former_container = self.running[new_release.environment]
            self.running[new_release.environment] = new_container
            self.history.append(new_release)
            with contextlib.suppress(*AWAY):
                # Also while the engine restarts it.
                former_container.container.stop(timeout=_engine_seconds(STOP_SECONDS))
            return new_release

    def change(self, environment: str, **changes: Any) -> Release:
        """Deploy the current release with changes; ``settings`` and ``secrets`` are added to the present ones."""
        current_release = self.current(environment)
        for name in {"settings", "secrets"} & changes.keys():
            changes[name] = {**getattr(current_release, name), **changes[name]}
        return self.deploy(replace(current_release, **changes))

    def restart(self, name: str) -> None:
        """Restart an environment's container, or the gateway to a dependency. Raises WrongUsage for neither."""
        with self._lock:
            if name in self.running:
                self.running[name].container.restart(timeout=_engine_seconds(STOP_SECONDS))
            elif name in self.gateways.proxies:
                self.gateways.proxies[name].container.restart(timeout=_engine_seconds(GATEWAY_STOP_SECONDS))
            else:
                names = ", ".join((*self.running, *self.gateways.proxies))
                raise WrongUsage(f"There is no {name!r} to restart.", f"There is {names}.")

    def ready_copies(self, environment: str) -> int:
        """Return how many copies the balancer of an environment sends customers to."""
        return int(_get(self.balancers[environment].url(OPERATORS_PORT)).body or 0)

    def memory_bytes(self, environment: str) -> float:
        """Return the working set of an environment's container; 0 while it does not run."""
        with contextlib.suppress(*AWAY):
            answer = self.running[environment].container.stats(stream=False, one_shot=True)
            return stats.working_set(answer["memory_stats"]) if stats.is_running(answer) else 0.0
        return 0.0

    def cpus_used(self, environment: str) -> float:
        """Return the cores that an environment's container uses some seconds after its start."""
        time.sleep(SETTLE_SECONDS)
        container = self.running[environment].container
        began = time.monotonic()
        nanoseconds_before = container.stats(stream=False, one_shot=True)["cpu_stats"]["cpu_usage"]["total_usage"]
        time.sleep(DEMAND_SECONDS)
        nanoseconds_after = container.stats(stream=False, one_shot=True)["cpu_stats"]["cpu_usage"]["total_usage"]
        return float(nanoseconds_after - nanoseconds_before) / 1e9 / (time.monotonic() - began)

    def starts(self) -> tuple[str, ...]:
        """Return when each container started last: a change means that one died in between."""
        start_times = []
        for running in list(self.running.values()):
            with contextlib.suppress(*AWAY):
                start_times.append(str(running.inspect()["State"]["StartedAt"]))
        return tuple(start_times)

    def lines(self) -> pd.DataFrame:
        """Return the log lines of all releases, by ``ts``; ``service`` is their environment."""
        frames = []
        for environment, running in list(self.made):
            with contextlib.suppress(WorkshopError):  # removed at this moment
                frames.append(read_container(running.container).assign(service=environment))

        lines = pd.concat(frames, ignore_index=True) if frames else pd.DataFrame()
        if "ts" in lines:
            lines = lines.sort_values("ts", kind="stable", ignore_index=True)
        return lines

    def releases(self) -> pd.DataFrame:
        """Return a row for each release: ``time`` (UTC), ``environment``, ``release``."""
        rows = [(release.time, release.environment, release.number) for release in self.history]
        return pd.DataFrame(rows, columns=["time", "environment", "release"])

    def compare(self, *releases: int) -> pd.DataFrame:
        """Return a row for each setting in which these releases differ, a column for each of them."""
        facts = {release.number: release.facts for release in map(self.find, releases)}
        settings = pd.DataFrame(facts).fillna(NOT_SET).rename_axis("setting")
        return settings[settings.nunique(axis=1) > 1]

    def _wait_ready(self, environment: str, copies: int) -> None:
        """Wait until so many copies of an environment are ready, or the time is up."""
        trial.poll(partial(self.ready_copies, environment), lambda ready: ready >= copies, READY_SECONDS)

    def _wait_for_new_copy(self, new_container: Running, environment: str, copies: int) -> None:
        """Wait until so many copies are ready, the new one says for some seconds that it is not, or the time is up.

        What says that it is not ready needs no patience on a busy machine; what has not said anything does.
        """
        began = time.monotonic()
        not_ready_since: float | None = None

        while self.ready_copies(environment) < copies and time.monotonic() - began < patient(READY_SECONDS):
            status = _status(new_container, "/readyz")
            if status in (None, OK):
                not_ready_since = None
            elif not_ready_since is None:
                not_ready_since = time.monotonic()
            elif time.monotonic() - not_ready_since > READY_SECONDS:
                return
            time.sleep(POLL_SECONDS)

    def _run_balancer(self) -> Running:
        """Start a load balancer. It finds copies by an alias that has its host name: see `images/proxy/shop.cfg`."""
        spec = Spec(
            recipes.tags(self.stack.root)["proxy"],
            entrypoint=("haproxy", "-db", "-f", "/etc/workshop/shop.cfg"),
            network=f"{self.stack.project}_default",
            dns_options=("ndots:1",),  # the engine answers for a missing copy, and asks no other name server
            ports=(OPERATORS_PORT,),
            labels={COLLECT: "no"},
        )
        return containers.run(self.stack.session, spec)

    def _run(self, release: Release) -> Running:
        name = f"{release.environment}-{release.number}"
        network = f"{self.stack.project}_default"
        aliases = [name, f"copies-{self.balancers[release.environment].id[:12]}"]
        files = {secret: f"{SECRETS_FOLDER}/{secret.removesuffix('_FILE').lower()}" for secret in release.secrets}

        container = self.client.containers.create(
            self.service.images[release.code - 1],
            name=name,
            network=network,
            networking_config={network: self.client.api.create_endpoint_config(aliases=aliases)},
            environment={**release.settings, **self.gateways.environment, **files},
            mem_limit=release.memory_mib * MIB,
            memswap_limit=release.memory_mib * MIB,
            nano_cpus=round(CPUS * 1e9),
            ports={f"{trial.PORT}/tcp": None},
            mounts=[containers.anonymous_volume(SECRETS_FOLDER)],
            labels={COMPOSE_SERVICE: release.environment, "team": release.team},
            **HARDENED,
        )

        running = Running(self.stack.session, container)
        try:
            containers.copy_in(container, {files[secret]: text for secret, (_, text) in release.secrets.items()})
            container.start()
        except BaseException:
            running.remove()
            raise

        self.made.append((release.environment, running))
        return running


def _first_release(stack: Stack, gateways: DependencyProxies) -> Release:
    """Return the configuration of the stack's service as a release, with the gateways as its hosts."""
    variables = service_trial.settings_of(stack.container("service"))
    secret_texts = service_trial.secrets_of(stack)
    secrets = {name: (2, secret_texts[value]) for name, value in variables.items() if value in secret_texts}
    hosts = {dependency_proxies.HOST_VARIABLES[name]: f"gateway to {name}" for name in gateways.proxies}
    settings = {name: value for name, value in variables.items() if name not in secrets}
    return Release(40, "", {**settings, **hosts}, secrets)


def _is_ready(running: Running) -> bool:
    return _answer(running, "/readyz") == OK


def _is_up(running: Running) -> bool:
    """Return whether it gives any answer: a naive /livez is 503 while a dependency is away."""
    return _answer(running, "/livez") is not None


def _answer(running: Running, path: str) -> int | None:
    """Return the status that it answers with; None without an answer.

    Raises WorkshopError with its last lines if it has ended and been restarted.
    """
    if running.inspect()["RestartCount"]:
        sentence = f"{running.name} ends as soon as it is started, so no customer gets it."
        raise WorkshopError(sentence, "Its last lines say why.", output=running.log_tail())
    return _status(running, path)


def _status(running: Running, path: str) -> int | None:
    """Return the status that it answers with; None without an answer."""
    with contextlib.suppress(WorkshopError):
        return _get(f"{running.url()}{path}").status
    return None


def _get(url: str) -> Answer:
    return http.get(url, timeout_seconds=patient(http.TIMEOUT_SECONDS))


def _engine_seconds(seconds: float) -> int:
    """Return a limit that the engine takes, in whole seconds."""
    return math.ceil(patient(seconds))


def _mark(text: str) -> str:
    """Return a mark by which texts can be compared, and which does not reveal them."""
    return hashlib.sha256(text.encode()).hexdigest()[:4]
