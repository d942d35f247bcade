"""Test the features of the engine that lessons need: limits, health checks, statistics, memory, logs.

An engine may accept limits, report that it has them, and enforce none. So each feature in features.toml is tried in a
small container of its own, all of them at the same time.
"""

from __future__ import annotations

import contextlib
import functools
import math
import secrets
import tempfile
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import requests
from docker.errors import APIError, DockerException
from docker.types import Mount
from pydantic import TypeAdapter

from workshop_kit.engine import containers, control
from workshop_kit.engine.container_spec import Spec
from workshop_kit.engine.containers import Running
from workshop_kit.engine.session import Session
from workshop_kit.errors import NotInTime, WorkshopError
from workshop_kit.files import read_document

ANSWER_SECONDS = 20.0
"""A busy machine starts all trials at the same time; only a feature that does not work takes so long."""
ADVICE = "docker context use default   # Docker's own engine; a rootless one limits with systemd and cgroup v2"


@dataclass(frozen=True)
class FeatureTrial:
    """How a feature is tried, and its texts: an entry of features.toml.

    ``program`` is Python for the container; ``answer`` is a key of `ANSWERS`, and ``works`` the range of good answers.
    ``mount`` is a path of the engine's machine that is mounted in the container; ``spec`` has further fields of `Spec`.
    Where the feature does not work, ``cost`` says what lessons lack, ``advice`` what to do.
    """

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
        """Return the trial's container; ``shared`` is a file that it may read, whose text its program gets."""
        source = self.mount.format(logs=_log_source(session), shared=shared)
        mounts = [Mount("/mounted", source, type="bind", read_only=True)] if source else []
        command = ("python3", "-I", "-S", "-c", self.program, shared.read_text())
        return Spec(image, command=command, network="none", more={"mounts": mounts}, **self.spec)

    def feature(self, session: Session, answer: str) -> Feature:
        """Return the feature according to the container's answer; a text that is no number is no good answer."""
        try:
            number = float(answer)
        except ValueError:
            number = math.nan  # in no range

        low, high = self.works
        works = low <= number <= high
        template = self.good if works else self.bad
        return Feature(self, works, template.format(said=number, logs=_log_source(session)))


@dataclass(frozen=True)
class Feature:
    """A feature of an engine, and what was found; ``works`` is None if this machine was too slow to tell."""

    trial: FeatureTrial
    works: bool | None
    detail: str


def _log_source(session: Session) -> str:
    """Return the place on the engine's machine from which the collector reads logs."""
    return session.engine.dialect.log_source(session.engine.client.info())


@functools.cache
def feature_trials() -> tuple[FeatureTrial, ...]:
    """Return the trials of features.toml, in the order of the report."""
    entries = read_document(Path(__file__).with_suffix(".toml"))["feature"]
    return TypeAdapter(tuple[FeatureTrial, ...]).validate_python(entries)


def examine(session: Session, image: str, folder: Path) -> list[Feature]:
    """Try every feature in containers of ``image``; the engine should share ``folder`` with this machine."""
    trials = feature_trials()
    with shared_file(folder) as shared, ThreadPoolExecutor(len(trials)) as pool:
        try_feature = functools.partial(_try_feature, session, image, shared)
        return list(pool.map(try_feature, trials))


def _try_feature(session: Session, image: str, shared: Path, trial: FeatureTrial) -> Feature:
    """Try a feature in a container of its own."""
    try:
        with containers.run(session, trial.container(session, image, shared)) as running:
            answer = ANSWERS[trial.answer](running)
    except (NotInTime, requests.Timeout) as error:
        return Feature(trial, None, _sentence(error))
    except (WorkshopError, DockerException, OSError) as error:  # requests raises its own errors through the SDK
        return Feature(trial, False, _sentence(error))
    return trial.feature(session, answer)


def _sentence(error: Exception) -> str:
    """Return the sentence of a WorkshopError, or the text of any other error, without a full stop."""
    text = error.what if isinstance(error, WorkshopError) else str(error)
    return text.rstrip(".")


@contextlib.contextmanager
def shared_file(folder: Path) -> Iterator[Path]:
    """Yield a file with a random text, readable by all users like the stack's secrets; remove it afterwards."""
    with tempfile.NamedTemporaryFile("w", dir=folder.absolute(), prefix=".shared-") as file:
        path = Path(file.name)
        path.write_text(secrets.token_hex(8))
        path.chmod(0o444)
        yield path


def _read_exit_code(running: Running) -> str:
    return str(running.wait_ended())


def _read_output(running: Running) -> str:
    return running.wait_line(within_seconds=ANSWER_SECONDS, goal="print its answer")


def _read_health(running: Running) -> str:
    """Return "1" once the container is healthy, "0" if it does not become so. Raises NotInTime on a slow machine."""

    def is_healthy() -> bool:
        health = running.inspect()["State"].get("Health") or {}
        return health.get("Status") == "healthy"

    try:
        running.wait_for(is_healthy, within_seconds=ANSWER_SECONDS, goal="become healthy")
    except NotInTime:
        if control.measure(running.session).is_slow:
            raise  # on so slow a machine it does not mean that the engine lacks health checks
        return "0"
    return "1"


def _read_memory_used(running: Running) -> str:
    statistics = running.container.stats(stream=False, one_shot=True)
    return str(statistics["memory_stats"].get("usage"))


def _read_throttled_periods(running: Running) -> str:
    """Return how many periods of a processor limit the engine counts, once the program has written its line."""
    _read_output(running)
    statistics = running.container.stats(stream=False, one_shot=True)
    return str(statistics["cpu_stats"]["throttling_data"].get("periods"))


def _try_pause(running: Running) -> str:
    """Pause and unpause the container once it has started; return "1" if that works, else "0"."""
    _read_output(running)
    try:
        running.container.pause()
        running.container.unpause()
    except APIError:
        return "0"
    return "1"


ANSWERS: dict[str, Callable[[Running], str]] = {
    "exit code": _read_exit_code,
    "output": _read_output,
    "health": _read_health,
    "memory used": _read_memory_used,
    "periods": _read_throttled_periods,
    "paused": _try_pause,
}
"""The function that reads an answer from a container, by the key ``answer`` of features.toml."""
