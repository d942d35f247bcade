"""The shop of an incident: it runs releases of the service, behind a balancer and with gateways to its dependencies.

It belongs to one kernel; the participant's stack keeps running beside it, and its databases serve the shop. A release
is a container with its number in the name (``production-41``); older ones stay, stopped, until the shop closes. The
file is long: how each part of a shop is run stands beside the shop.
"""

from __future__ import annotations

import contextlib
import hashlib
import math
import threading
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from typing import Any

import pandas as pd
from docker.errors import APIError
from requests.exceptions import RequestException

from workshop_kit.engine import containers, recipes
from workshop_kit.engine.container_spec import Spec
from workshop_kit.engine.containers import SECRETS_FOLDER, Running
from workshop_kit.engine.control import explain_if_slow
from workshop_kit.engine.labels import COLLECT, COMPOSE_SERVICE
from workshop_kit.engine.stack import Stack
from workshop_kit.errors import WorkshopError, WrongUsage
from workshop_kit.gameday.service import ShopService
from workshop_kit.host import MIB
from workshop_kit.observe import http, stats
from workshop_kit.observe.http import Answer
from workshop_kit.observe.logs import read_container
from workshop_kit.patience import patient, wait_for
from workshop_kit.trials import dependency_proxies, service_trial
from workshop_kit.trials.dependency_proxies import DependencyProxies
from workshop_kit.trials.trial import PORT

PRODUCTION = "production"
"""The name of the shop's environment."""
FIRST_RELEASE = 40
DEPENDENCIES = ("master-db", "replica-db", "redis")
MEMORY_MIB = 128
LIVE_SECONDS = 45.0
READY_SECONDS = 3.0
"""How long a release that answers may take to get ready before it takes the place of the former one."""
OPERATORS_PORT = 8404
"""Where a balancer says how many copies are ready."""
OK = 200
# How long a stop or a restart waits before it sends SIGKILL.
STOP_SECONDS = 2
GATEWAY_STOP_SECONDS = 1
AWAY = (APIError, RequestException, WorkshopError)
"""Errors of a container that is gone or does not run, or of an engine that does not answer."""
NOT_SET = "not set: its default"


@dataclass(frozen=True)
class Release:
    """What the shop runs from ``time`` (UTC) on.

    ``settings`` are its variables without secrets, ``secrets`` have version and text by variable; ``code`` is the
    version of the image, ``team`` a label.
    """

    number: int
    settings: Mapping[str, str]
    secrets: Mapping[str, tuple[int, str]] = field(repr=False)
    code: int = 1
    memory_mib: int = MEMORY_MIB
    team: str = "orders"
    time: datetime | None = None

    @property
    def facts(self) -> dict[str, str]:
        """All that it sets, as text by name; a secret is shown as its version and a mark to compare it by."""
        secret_versions = {
            variable: f"version {version} (…{_mark(text)})" for variable, (version, text) in self.secrets.items()
        }
        variables = {**self.settings, **secret_versions}
        return {
            "memory": f"{self.memory_mib} MiB",
            "code": f"version {self.code}",
            "label team": self.team,
            **dict(sorted(variables.items())),
        }


class Shop:
    """Runs the containers of its releases, from `open` to `close`."""

    def __init__(self, stack: Stack, service: ShopService, gateways: DependencyProxies) -> None:
        self.stack = stack
        self.service = service
        self.gateways = gateways
        self.release_containers: list[Running] = []  # older ones, too: their logs can still be read
        self.history: list[Release] = []
        self.balancer: Running
        self.container: Running
        self._started: list[Running] = []
        self._lock = threading.RLock()

    def open(self) -> None:
        """Start the balancer and the first release, with the settings of the stack's service."""
        self.balancer = self._run_balancer()
        release = _first_release(self.stack, self.gateways)
        self.container = self._run(release)
        self.history.append(release)

        is_ready = partial(_is_ready, self.container)
        self.container.wait_for(is_ready, within_seconds=LIVE_SECONDS, goal="answer 200 on /readyz")
        wait_for(self.ready_copies, READY_SECONDS)

    def close(self) -> None:
        """Remove every container; a second call changes nothing."""
        with ThreadPoolExecutor() as pool:
            list(pool.map(Running.remove, self._started))  # raises what a removal raised

    @property
    def current(self) -> Release:
        """The release that runs."""
        return self.history[-1]

    def find(self, number: int) -> Release:
        """Return a release by its number. Raises WrongUsage for an unknown one."""
        for release in self.history:
            if release.number == number:
                return release

        numbers = ", ".join(str(release.number) for release in self.history)
        raise WrongUsage(f"There is no release {number!r}.", f"Releases so far: {numbers}.")

    def deploy(self, release: Release) -> Release:
        """Start a release under a new number and, once it answers, stop the former one; return it with its time.

        The former release serves until the balancer sees that the new one is ready. A new release that answers but does
        not get ready still takes its place. Raises WorkshopError if the new release does not answer: it is removed, and
        the former one stays.
        """
        with self._lock:
            new_release = replace(release, number=self.current.number + 1, time=datetime.now(UTC))

            ready_before = self.ready_copies()
            new_container = self._run(new_release)
            _wait_up(new_container)
            if ready_before:  # without a ready copy the shop serves no customer who could be lost
                wait_for(self.ready_copies, READY_SECONDS, until=lambda copies: copies > ready_before)

            former_container = self.container
            self.container = new_container
            self.history.append(new_release)
            with contextlib.suppress(*AWAY):  # the engine may be restarting it at this moment
                former_container.container.stop(timeout=_engine_seconds(STOP_SECONDS))
            return new_release

    def change(self, **changes: Any) -> Release:
        """Deploy the current release with changes; ``settings`` and ``secrets`` are added to the present ones."""
        new_values = dict(changes)
        if "settings" in changes:
            new_values["settings"] = {**self.current.settings, **changes["settings"]}
        if "secrets" in changes:
            new_values["secrets"] = {**self.current.secrets, **changes["secrets"]}
        return self.deploy(replace(self.current, **new_values))

    def restart(self, name: str) -> None:
        """Restart ``production``, or the gateway to a dependency. Raises WrongUsage for another name."""
        proxies = self.gateways.proxies
        with self._lock:
            if name == PRODUCTION:
                self.container.container.restart(timeout=_engine_seconds(STOP_SECONDS))
            elif name in proxies:
                proxies[name].container.restart(timeout=_engine_seconds(GATEWAY_STOP_SECONDS))
            else:
                names = ", ".join((PRODUCTION, *proxies))
                raise WrongUsage(f"There is no {name!r} to restart.", f"There is {names}.")

    def ready_copies(self) -> int:
        """Return how many copies the balancer sends customers to."""
        url = self.balancer.url(OPERATORS_PORT)
        return int(_get(url).body or 0)

    def memory_bytes(self) -> float:
        """Return the working set of the current container; 0 while it does not run."""
        with contextlib.suppress(*AWAY):
            answer = self.container.container.stats(stream=False, one_shot=True)
            if stats.is_running(answer):
                return stats.working_set(answer["memory_stats"])
        return 0.0

    def started_at(self) -> str:
        """Return when the current container started last, "" if it is gone: a change means that it died in between."""
        with contextlib.suppress(*AWAY):
            return str(self.container.inspect()["State"]["StartedAt"])
        return ""

    def lines(self) -> pd.DataFrame:
        """Return the log lines of all releases, by ``ts``."""
        frames = []
        for running in list(self.release_containers):
            with contextlib.suppress(WorkshopError):  # removed at this moment
                frames.append(read_container(running.container))

        lines = pd.concat(frames, ignore_index=True) if frames else pd.DataFrame()
        if "ts" in lines:
            lines = lines.sort_values("ts", kind="stable", ignore_index=True)
        return lines

    def releases(self) -> pd.DataFrame:
        """Return a row for each release: ``time`` (UTC) and ``release``."""
        rows = [(release.time, release.number) for release in self.history]
        return pd.DataFrame(rows, columns=["time", "release"])

    def compare(self, *releases: int) -> pd.DataFrame:
        """Return a row for each setting in which these releases differ, a column for each of them."""
        compared_releases = [self.find(number) for number in releases]
        facts_by_number = {release.number: release.facts for release in compared_releases}
        settings = pd.DataFrame(facts_by_number).fillna(NOT_SET).rename_axis("setting")
        differs = settings.nunique(axis=1) > 1
        return settings[differs]

    def _run_balancer(self) -> Running:
        """Start a load balancer. It finds copies by an alias that has its host name: see `images/proxy/shop.cfg`."""
        spec = Spec(
            recipes.tags(self.stack.root)["proxy"],
            entrypoint=("haproxy", "-db", "-f", "/etc/workshop/shop.cfg"),
            network=self.stack.network,
            dns_options=("ndots:1",),  # the engine answers for a missing copy, and asks no other name server
            ports=(OPERATORS_PORT,),
            labels={COLLECT: "no"},
        )
        balancer = containers.run(self.stack.session, spec)
        self._started.append(balancer)
        return balancer

    def _run(self, release: Release) -> Running:
        """Start the container of a release, and keep it for its logs. Raises WorkshopError if the engine refuses it.

        The balancer finds the container by the alias that has the balancer's host name.
        """
        name = f"{PRODUCTION}-{release.number}"
        network = self.stack.network
        api = self.stack.session.engine.client.api
        endpoint = api.create_endpoint_config(aliases=[name, f"copies-{self.balancer.id[:12]}"])
        secret_paths = {variable: _secret_path(variable) for variable in release.secrets}

        spec = Spec(
            self.service.images[release.code - 1].id,
            environment={**release.settings, **self.gateways.environment, **secret_paths},
            ports=(PORT,),
            volumes=(SECRETS_FOLDER,),
            files={secret_paths[variable]: text for variable, (_, text) in release.secrets.items()},
            memory_bytes=release.memory_mib * MIB,
            dns_options=("timeout:1", "attempts:1"),
            labels={COMPOSE_SERVICE: PRODUCTION, "team": release.team},
            more={
                "name": name,
                "network_mode": None,
                "network": network,
                "networking_config": {network: endpoint},
                "restart_policy": {"Name": "on-failure", "MaximumRetryCount": 50},
            },
        )
        running = containers.run(self.stack.session, spec)
        self._started.append(running)
        self.release_containers.append(running)
        return running


def _first_release(stack: Stack, gateways: DependencyProxies) -> Release:
    """Return the configuration of the stack's service as a release, with the gateways as its hosts."""
    variables = service_trial.settings_of(stack.container("service"))
    text_by_path = service_trial.secrets_of(stack)
    secrets = {name: (2, text_by_path[value]) for name, value in variables.items() if value in text_by_path}
    settings = {name: value for name, value in variables.items() if name not in secrets}
    for dependency in gateways.proxies:
        host_variable = dependency_proxies.HOST_VARIABLES[dependency]
        settings[host_variable] = f"gateway to {dependency}"

    return Release(FIRST_RELEASE, settings, secrets, time=datetime.now(UTC))


def _secret_path(variable: str) -> str:
    """Return the path in the container of the secret that a variable (``REDIS_PASSWORD_FILE``) names."""
    return f"{SECRETS_FOLDER}/{variable.removesuffix('_FILE').lower()}"


def _wait_up(running: Running) -> None:
    """Wait until a release answers. Removes it, and raises WorkshopError, if it does not."""
    try:
        with explain_if_slow(running.session):
            running.wait_for(partial(_is_up, running), within_seconds=LIVE_SECONDS, goal="answer on /livez")
    except WorkshopError:
        running.remove()
        raise


def _is_ready(running: Running) -> bool:
    """Return whether /readyz answers 200. Raises WorkshopError if the container has been restarted."""
    _check_not_restarted(running)
    return _status(running, "/readyz") == OK


def _is_up(running: Running) -> bool:
    """Return whether /livez gives any answer: a naive one is 503 while a dependency is away.

    Raises WorkshopError if the container has been restarted.
    """
    _check_not_restarted(running)
    return _status(running, "/livez") is not None


def _check_not_restarted(running: Running) -> None:
    """Raise WorkshopError with its last lines if a container has ended and been restarted."""
    if running.inspect()["RestartCount"]:
        sentence = f"{running.name} ends as soon as it is started, so no customer gets it."
        raise WorkshopError(sentence, "Its last lines say why.", output=running.log_tail())


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
