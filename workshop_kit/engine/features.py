"""Test the features of the engine that lessons need: limits, health checks, statistics, memory, logs.

An engine may accept limits, report that it has them, and enforce none. So each feature in features.toml is tried in a
small container of its own, all of them at the same time. The results are kept in the workspace.
"""

from __future__ import annotations

import contextlib
import functools
import math
import secrets
import tempfile
import tomllib
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import requests
from docker.errors import APIError, DockerException
from pydantic import TypeAdapter

from workshop_kit.engine import containers
from workshop_kit.engine.containers import Running, Spec
from workshop_kit.engine.dialect import cgroup_variables, is_rootless
from workshop_kit.engine.records import RecordFile
from workshop_kit.engine.session import Session
from workshop_kit.errors import NotInTime, WorkshopError
from workshop_kit.patience import measured

FILE = "engine.jsonl"
"""The results in a workspace's hidden folder."""
# The features that the check of container.limits needs.
MEMORY = "Memory limit"
PROCESSES = "Process limit"
CGROUPS = "Container cgroups"
"""The feature that the metrics agent needs."""
ANSWER_SECONDS = 20.0
"""A busy machine starts all trials at the same time; only a feature that does not work takes so long."""
SLOW_FACTOR = 3.0
"""A machine that needs limits so many times as long is too slow to tell a late answer from none."""
PAUSE_TRIES = 3
"""With cgroup v1 a process that has just started now and then cannot be frozen."""
ADVICE = "docker context use default   # Docker's own engine; a rootless one limits with systemd and cgroup v2"


@dataclass(frozen=True)
class Feature:
    """A feature of an engine. Where it does not work, ``cost`` says what lessons lack, ``advice`` what to do.

    ``is_late``: this machine was too slow to tell, and ``detail`` says how long it waited.
    """

    engine: str
    name: str
    works: bool
    detail: str
    cost: str
    advice: str
    is_late: bool = False


@dataclass(frozen=True)
class FeatureTrial:
    """How a feature is tried, and its texts: an entry of features.toml. ``spec`` has fields of `Spec`."""

    name: str
    program: str
    answer: str
    works: tuple[float, float]
    bad: str
    cost: str
    good: str = "holds"
    advice: str = ADVICE
    mount: str = ""
    spec: Mapping[str, Any] = field(default_factory=dict)

    def container(self, session: Session, image: str, shared: Path) -> Spec:
        """Return the container, in the cgroup of the workspace's stack; ``shared`` is a file of the workspace."""
        info = session.engine.client.info()
        cgroup = cgroup_variables(info, session.identity.workspace_id)
        tree = "memory/" if cgroup["WORKSHOP_CGROUP_V1"] else ""
        folder = f"{tree}{cgroup['WORKSHOP_CGROUP_PATH']}"

        source = self.mount.format(logs=session.engine.dialect.log_source(info), shared=shared)
        mounts = [{"Type": "bind", "Source": source, "Target": "/mounted", "ReadOnly": True}] if source else []
        host = {"CgroupParent": cgroup["WORKSHOP_CGROUP_PARENT"], "Mounts": mounts}

        command = ("python3", "-I", "-S", "-c", self.program, folder, shared.read_text())
        return Spec(image, command=command, network="none", host=host, **self.spec)

    def feature(self, session: Session, answer: str, reason: str = "") -> Feature:
        """Return the feature that follows from an answer; ``reason`` says why there is none."""
        info = session.engine.client.info()
        logs = session.engine.dialect.log_source(info)
        place = "this rootless engine" if is_rootless(info) else "this engine"

        number = _number(answer)
        low, high = self.works
        works = low <= number <= high
        template = self.good if works else self.bad
        detail = reason.rstrip(".") or template.format(said=number, place=place, logs=logs)
        return Feature(_name(session), self.name, works, detail, self.cost, self.advice)


@functools.cache
def feature_trials() -> tuple[FeatureTrial, ...]:
    """Return the trials of features.toml, in the order of the report."""
    entries = tomllib.loads(Path(__file__).with_suffix(".toml").read_text(encoding="utf-8"))["feature"]
    return TypeAdapter(tuple[FeatureTrial, ...]).validate_python(entries)


def works(session: Session, file: Path, name: str) -> bool:
    """Return whether a feature works on this engine, by the results in ``file``; without one, it does."""
    features, _ = _records(file).read()
    of_engine = [feature for feature in features if feature.engine == _name(session)]
    return all(feature.works for feature in of_engine if feature.name == name)


def load_or_examine(session: Session, image: str, file: Path) -> list[Feature]:
    """Return the features of this engine that ``file`` has; examine the engine if it has none."""
    features, _ = _records(file).read()
    of_engine = [feature for feature in features if feature.engine == _name(session)]
    return of_engine or examine(session, image, file)


def examine(session: Session, image: str, file: Path) -> list[Feature]:
    """Try every feature in containers of ``image``; write the results to ``file``, and return them.

    ``file`` keeps its earlier entry for a feature that this machine was too slow to try.
    """
    with shared_file(file.parent) as shared, ThreadPoolExecutor(len(feature_trials())) as pool:
        features = list(pool.map(functools.partial(_try, session, image, shared), feature_trials()))

    records = _records(file)
    with records.locked():
        earlier = {(feature.engine, feature.name): feature for feature in records.read()[0]}
        entries = []
        for feature in features:
            key = (feature.engine, feature.name)
            if not feature.is_late:
                entries.append(feature)
            elif key in earlier:
                entries.append(earlier[key])
        records.write(entries)

    return features


def _try(session: Session, image: str, shared: Path, trial: FeatureTrial) -> Feature:
    """Try a feature in a container of its own."""
    try:
        with containers.run(session, trial.container(session, image, shared)) as running:
            return trial.feature(session, ANSWERS[trial.answer](running))
    except (NotInTime, requests.Timeout) as late:
        unknown = trial.feature(session, "", getattr(late, "what", str(late)))
        return replace(unknown, is_late=True)
    except (WorkshopError, DockerException, OSError) as error:  # requests raises its own errors through the SDK
        return trial.feature(session, "", getattr(error, "what", str(error)))


@contextlib.contextmanager
def shared_file(folder: Path) -> Iterator[Path]:
    """Yield a file with a random text that every user may read, as the stack's secrets; remove it afterwards."""
    with tempfile.NamedTemporaryFile("w", dir=folder.absolute(), prefix=".shared-") as file:
        path = Path(file.name)
        path.write_text(secrets.token_hex(8))
        path.chmod(0o444)
        yield path


def _exit_code(running: Running) -> str:
    return str(running.wait_ended())


def _output(running: Running) -> str:
    def has_output() -> bool:
        return bool(running.log_tail(1))

    # The program stays: of a container that ends on a busy machine the engine may lose the last output.
    running.wait_until(has_output, within_seconds=ANSWER_SECONDS, what="print its answer")
    return running.log_tail(1)


def _health(running: Running) -> str:
    def is_healthy() -> bool:
        return (running.inspect()["State"].get("Health") or {}).get("Status") == "healthy"

    try:
        running.wait_until(is_healthy, within_seconds=ANSWER_SECONDS, what="become healthy")
    except NotInTime:
        if measured() >= SLOW_FACTOR:
            raise  # on such a machine that is no sign of an engine without health checks
        return "0"
    return "1"


def _memory_used(running: Running) -> str:
    return str(running.container.stats(stream=False, one_shot=True)["memory_stats"].get("usage"))


def _periods(running: Running) -> str:
    _output(running)
    return str(running.container.stats(stream=False, one_shot=True)["cpu_stats"]["throttling_data"].get("periods"))


def _paused(running: Running) -> str:
    _output(running)
    for _ in range(PAUSE_TRIES):
        with contextlib.suppress(APIError):
            running.container.pause()
            running.container.unpause()
            return "1"
    return "0"


ANSWERS: dict[str, Callable[[Running], str]] = {
    "exit code": _exit_code,
    "output": _output,
    "health": _health,
    "memory used": _memory_used,
    "periods": _periods,
    "paused": _paused,
}
"""How an answer is read from a container."""


def _number(answer: str) -> float:
    """Return the number in an answer, or NaN, which is in no range."""
    try:
        return float(answer)
    except ValueError:
        return math.nan


def _name(session: Session) -> str:
    """Return the engine's address and version, and how it limits: with other ones it may have other features."""
    engine = session.engine
    info = session.engine.client.info()
    cgroups = f"{info.get('CgroupDriver')} v{info.get('CgroupVersion')}"
    return f"{engine.endpoint.address} {engine.version['Version']} {cgroups}"


def _records(file: Path) -> RecordFile[Feature]:
    return RecordFile(file, Feature, "feature of the engine")
