"""The shop of an incident: environments that each run a release of the service, and gateways to what they need.

It belongs to one kernel and to nobody else: the participant's stack keeps running beside it, and lends its databases.
A release is a container with the number in its name (``production-41``); older ones stay, stopped, until the shop
closes. The participant's client finds them all.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import tarfile
import threading
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

import pandas as pd
from docker.errors import APIError
from requests.exceptions import RequestException

from workshop_kit.engine import containers
from workshop_kit.engine.client import WorkspaceClient
from workshop_kit.engine.containers import Running
from workshop_kit.engine.labels import COMPOSE_SERVICE
from workshop_kit.engine.stack import Stack
from workshop_kit.errors import WorkshopError, WrongUsage
from workshop_kit.exercises import dependency_proxies, service_trial, trial
from workshop_kit.exercises.dependency_proxies import DependencyProxies
from workshop_kit.faults.endpoints import post
from workshop_kit.gameday.service import Service
from workshop_kit.observe import stats
from workshop_kit.observe.logs import read_container

DEPENDENCIES = ("master-db", "replica-db", "redis")
MIB = 1024 * 1024
MEMORY_MIB, CPUS = 128, 1.0
"""Every start gets a whole core; the release's own limit holds as soon as it answers."""
LIVE_SECONDS = 45.0
RESTART_SECONDS = 2
"""What does not end by itself in this time is killed: a restart that takes longer is a test of patience."""
SETTLE_SECONDS, DEMAND_SECONDS = 1.5, 2.5
AWAY = (APIError, RequestException, WorkshopError)
"""What asking about a container may raise: it is gone, it does not run, or the engine itself is away."""
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
    """What an environment runs from ``time`` on (UTC).

    ``settings`` are its variables that are no secrets, ``secrets`` texts by variable, each with its version; ``code``
    is the version of the image, ``team`` a label.
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
        """Everything that can be told about it, in words; of a secret its version, and a mark to compare it by."""
        secret = {name: f"version {version} (…{_mark(text)})" for name, (version, text) in self.secrets.items()}
        size = {"memory": f"{self.memory_mib} MiB", "cpus": f"{self.cpus:g}", "code": f"version {self.code}"}
        return {**size, "label team": self.team, **dict(sorted({**self.settings, **secret}.items()))}


class Shop:
    """Environments by name, each with the container that runs its release, from `open` to `close`."""

    def __init__(self, stack: Stack, service: Service, gateways: DependencyProxies) -> None:
        self.stack, self.service, self.gateways = stack, service, gateways
        self.client = WorkspaceClient(stack.session, scope="kernel")
        self.running: dict[str, Running] = {}
        self.retired: list[tuple[str, Running]] = []
        self.history: list[Release] = []
        self._lock = threading.RLock()
        self._retiring: list[threading.Thread] = []

    def open(self, environments: Sequence[str]) -> None:
        """Release to each environment the first version, with the settings of the stack's service."""
        first = _first(self.stack.container("service"), self.gateways)
        for number, name in enumerate(environments, 40):
            begun = replace(first, number=number, environment=name, time=datetime.now(UTC))
            self.running[name] = self._run(begun)
            self.history.append(begun)
        for running in self.running.values():  # all of them start at the same time; it opens when all is well
            running.wait_ready(within_seconds=LIVE_SECONDS)

    def close(self) -> None:
        """Remove every container; a second call changes nothing."""
        made = [*(one for _, one in self.retired), *self.running.values()]
        with ThreadPoolExecutor(max(len(made), 1)) as pool:
            for removal in [pool.submit(one.remove) for one in made]:
                removal.result()
        while self._retiring:
            self._retiring.pop().join()

    @property
    def environments(self) -> tuple[str, ...]:
        """Their names."""
        return tuple(self.running)

    def current(self, environment: str) -> Release:
        """What an environment runs. Raises WrongUsage for one that there is not."""
        if environment not in self.running:
            raise WrongUsage(f"There is no environment {environment!r}.", f"There is {', '.join(self.running)}.")
        return next(one for one in reversed(self.history) if one.environment == environment)

    def find(self, number: int) -> Release:
        """A release by its number. Raises WrongUsage for one that there is not."""
        for one in self.history:
            if one.number == number:
                return one
        numbers = ", ".join(str(one.number) for one in self.history)
        raise WrongUsage(f"There is no release {number!r}.", f"Releases so far: {numbers}.")

    def deploy(self, release: Release) -> Release:
        """Start a release, and stop what its environment ran before, once the new one lives; return it with its time.

        The one before may still be stopping when this returns. A release gets a number of its own, also one that
        repeats an older one. Raises WorkshopError if it never lives: the one before goes on then.
        """
        with self._lock:
            number = max((one.number + 1 for one in self.history), default=release.number)
            begun = replace(release, number=number, time=datetime.now(UTC))
            fresh = self._run(begun)
            try:
                fresh.wait_until(lambda: _lives(fresh), within_seconds=LIVE_SECONDS, what="answer on /livez")
            except WorkshopError:
                fresh.remove()
                raise
            if begun.cpus != CPUS:
                post(self.stack.session, f"/containers/{fresh.id}/update", {"NanoCpus": round(begun.cpus * 1e9)})
            before = self.running.get(begun.environment)
            self.running[begun.environment] = fresh
            self.history.append(begun)
            if before is not None:
                self._retire(begun.environment, before)
            return begun

    def change(self, environment: str, **changes: Any) -> Release:
        """Release what an environment runs, with changes of its `Release`; ``settings`` and ``secrets`` are added."""
        now = self.current(environment)
        for name in {"settings", "secrets"} & changes.keys():
            changes[name] = {**getattr(now, name), **changes[name]}
        return self.deploy(replace(now, **changes))

    def restart(self, name: str) -> None:
        """Restart an environment's container, or the gateway to a dependency. Raises WrongUsage for neither."""
        with self._lock:
            if name in self.running:
                self.running[name].container.restart(timeout=RESTART_SECONDS)
            elif name in self.gateways.proxies:
                self.gateways.proxies[name].container.restart(timeout=1)
                self.gateways.states.pop(name, None)
            else:
                there = ", ".join((*self.running, *self.gateways.proxies))
                raise WrongUsage(f"There is no {name!r} to restart.", f"There is {there}.")

    def url(self, environment: str) -> str | None:
        """Where an environment answers now; None while it does not run."""
        with contextlib.suppress(*AWAY):
            return self.running[environment].url()
        return None

    def memory_bytes(self, environment: str) -> int:
        """The working set of an environment's container now; 0 while it does not run."""
        with contextlib.suppress(*AWAY):
            sample = stats.parse(self.running[environment].container.stats(stream=False, one_shot=True))
            return (sample.memory_bytes or 0) if sample else 0
        return 0

    def cpus_used(self, environment: str) -> float:
        """How much of a core an environment's container uses, once it has settled after its start."""
        time.sleep(SETTLE_SECONDS)
        container, began = self.running[environment].container, time.monotonic()
        before = container.stats(stream=False, one_shot=True)["cpu_stats"]["cpu_usage"]["total_usage"]
        time.sleep(DEMAND_SECONDS)
        after = container.stats(stream=False, one_shot=True)["cpu_stats"]["cpu_usage"]["total_usage"]
        return float(after - before) / 1e9 / (time.monotonic() - began)

    def starts(self) -> tuple[str, ...]:
        """When each container was started last: another answer than before means that one died in between."""
        found = []
        for running in list(self.running.values()):
            with contextlib.suppress(*AWAY):
                found.append(str(running.inspect()["State"]["StartedAt"]))
        return tuple(found)

    def lines(self) -> pd.DataFrame:
        """All lines of all releases, by the time they tell (``ts``); ``service`` is their environment."""
        frames = []
        for environment, running in [*self.retired, *self.running.items()]:
            with contextlib.suppress(WorkshopError):  # removed at this moment
                frames.append(read_container(running.container).assign(service=environment))
        lines = pd.concat(frames, ignore_index=True) if frames else pd.DataFrame()
        return lines.sort_values("ts", kind="stable", ignore_index=True) if "ts" in lines else lines

    def releases(self) -> pd.DataFrame:
        """A row for each: ``time`` (UTC), ``environment``, ``release``; what it changed is for `compare` to say."""
        rows = [(one.time, one.environment, one.number) for one in self.history]
        return pd.DataFrame(rows, columns=["time", "environment", "release"])

    def compare(self, *releases: int) -> pd.DataFrame:
        """A row for each setting in which these releases differ, a column for each of them."""
        facts = {one.number: one.facts for one in map(self.find, releases)}
        settings = pd.DataFrame(facts).fillna(NOT_SET).rename_axis("setting")
        return settings[settings.nunique(axis=1) > 1]

    def _run(self, release: Release) -> Running:
        """Start the container of a release."""
        files = {name: f"{trial.SECRETS}/{name.removesuffix('_FILE').lower()}" for name in release.secrets}
        made = self.client.containers.create(
            self.service.images[release.code - 1],
            name=f"{release.environment}-{release.number}",
            environment={**release.settings, **self.gateways.environment, **files},
            mem_limit=release.memory_mib * MIB,
            memswap_limit=release.memory_mib * MIB,
            nano_cpus=round(CPUS * 1e9),
            ports={f"{trial.PORT}/tcp": None},
            volumes=[trial.SECRETS],
            labels={COMPOSE_SERVICE: release.environment, "team": release.team},
            **HARDENED,
        )
        running = Running(self.stack.session, made)
        try:
            made.put_archive(
                trial.SECRETS, _archive({files[name]: text for name, (_, text) in release.secrets.items()})
            )
            made.start()
        except BaseException:
            running.remove()
            raise
        return running

    def _retire(self, environment: str, running: Running) -> None:
        """Stop it, in a thread of its own; what it wrote stays to be read."""
        self.retired.append((environment, running))
        self._retiring.append(threading.Thread(target=_stop, args=(running,), daemon=True))
        self._retiring[-1].start()


def _stop(running: Running) -> None:
    with contextlib.suppress(*AWAY):
        running.container.stop()  # also one that is about to be started again


def _first(service: Any, gateways: DependencyProxies) -> Release:
    """What the stack's service runs, as a release: its secrets apart from the rest, behind the gateways."""
    of_its_image = set(service.image.attrs["Config"]["Env"] or ())
    given = dict(pair.split("=", 1) for pair in set(service.attrs["Config"]["Env"]) - of_its_image)
    texts = service_trial.secrets_of(service)
    secrets = {name: (2, texts[value]) for name, value in given.items() if value in texts}
    hosts = {dependency_proxies.VARIABLES[name]: f"gateway to {name}" for name in gateways.proxies}
    settings = {name: value for name, value in given.items() if name not in secrets}
    return Release(40, "", {**settings, **hosts}, secrets)


def _lives(running: Running) -> bool:
    """Whether it answers. Raises WorkshopError with its last lines if it has ended: the engine starts it in vain."""
    if running.inspect()["RestartCount"]:
        sentence = "The release ends as soon as it is started, so the one before goes on."
        raise WorkshopError(sentence, "Its last lines say why.", output=running.log_tail())
    with contextlib.suppress(WorkshopError):
        return containers.answers(f"{running.url()}/livez")
    return False


def _archive(files: Mapping[str, str]) -> bytes:
    """The files (path to text) as a tar archive of their folder."""
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        for path, text in files.items():
            member = tarfile.TarInfo(path.rpartition("/")[2])
            member.size, member.mode = len(text.encode()), 0o644
            tar.addfile(member, io.BytesIO(text.encode()))
    return archive.getvalue()


def _mark(text: str) -> str:
    """Two texts with the same mark are the same; the mark tells nothing of the text."""
    return hashlib.sha256(text.encode()).hexdigest()[:4]
