"""Run a task: resolve its secrets, start its containers, replace them when a secret has changed."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack, suppress
from dataclasses import replace
from types import MappingProxyType, TracebackType
from typing import Self

from docker.errors import NotFound

from workshop_kit.engine import containers
from workshop_kit.engine.containers import Running
from workshop_kit.engine.labels import ENVIRONMENT, SERVICE, Scope
from workshop_kit.engine.session import Session
from workshop_kit.engine.store import Store
from workshop_kit.engine.tasks.definition import TaskDefinition
from workshop_kit.engine.tasks.resolve import Delivery, resolve
from workshop_kit.errors import WorkshopError, WrongUsage


class Task:
    """A running task. Used as a context manager, its containers are removed at the end of the block."""

    def __init__(
        self,
        session: Session,
        definition: TaskDefinition,
        store: Store | None,
        *,
        network: str | None,
        delivery: Delivery,
        scope: Scope,
    ) -> None:
        self.session, self.definition, self.store = session, definition, store
        self.network, self.delivery, self.scope = network, delivery, scope
        self._running: dict[str, Running] = {}

    @property
    def containers(self) -> Mapping[str, Running]:
        """The containers by the names that the definition gives them."""
        return MappingProxyType(self._running)

    @property
    def first(self) -> Running:
        """The container that the definition names first."""
        return next(iter(self._running.values()))

    def image_ids(self) -> dict[str, str]:
        """The id of the image that each container really runs (``sha256:…``), as the engine says."""
        return {name: str(one.inspect()["Image"]) for name, one in self._running.items()}

    def url(self, port: int | None = None, *, container: str | None = None) -> str:
        """Where a port is reached from this machine; the first port of the first container unless named otherwise."""
        definition = next(
            (one for one in self.definition.containers if container in {None, one.name}),
            None,
        )
        if definition is None or not (port or definition.ports):
            raise WrongUsage(f"The task {self.definition.family} publishes no such port.", "Name one that it maps.")
        return self._running[definition.name].url(port or definition.ports[0])

    def wait_healthy(self, *, within_seconds: float = 30) -> None:
        """Wait until the health check of every container that has one succeeds. Raises WorkshopError with its log."""
        for running in self._running.values():
            if "Health" in running.inspect()["State"]:
                running.wait_until(
                    lambda one=running: one.inspect()["State"]["Health"]["Status"] == "healthy",  # type: ignore[misc]
                    within_seconds=within_seconds,
                    what="get healthy",
                )

    def restart(self) -> None:
        """Replace every container by one from the same definition, with the secrets as they are in the store now.

        The new ones are started before the old ones are stopped; if they cannot be, the old ones go on. Ports change.
        """
        before = self._running
        self._running = _started(self)
        _end(self.definition, before)

    def remove(self) -> None:
        """Stop the containers, each with the time its definition gives it, and remove them."""
        _end(self.definition, self._running)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, _t: type[BaseException] | None, _v: BaseException | None, _b: TracebackType | None) -> None:
        self.remove()

    def __repr__(self) -> str:
        return f"<task {self.definition.family}: {', '.join(self._running) or 'nothing runs'}>"


def run(
    session: Session,
    definition: TaskDefinition,
    store: Store | None = None,
    *,
    network: str | None = None,
    delivery: Delivery = "environment",
    scope: Scope = "kernel",
) -> Task:
    """Start a task's containers with the secrets read from the store; all of them start, or none stays.

    ``network`` is the name of the network they join. Raises WorkshopError in one sentence: a parameter that is missing
    or may not be read, a store that does not answer, an image that is not there.
    """
    task = Task(session, definition, store, network=network, delivery=delivery, scope=scope)
    task._running = _started(task)
    return task


def _started(task: Task) -> dict[str, Running]:
    resolved = resolve(task.definition, task.store, delivery=task.delivery)
    with ExitStack() as undo:
        running = {}
        for one in resolved:
            spec = replace(one.spec(task.network), labels=_labels(task.definition, one.definition.name))
            container = containers.run(task.session, spec, scope=task.scope)
            undo.callback(container.remove)
            running[one.definition.name] = container
        undo.pop_all()
    return running


def _labels(definition: TaskDefinition, name: str) -> dict[str, str]:
    """Where the logs of one of its containers go: the family's environment, and the container's own name."""
    return {ENVIRONMENT: definition.family.removeprefix("workshop-"), SERVICE: name}


def _end(definition: TaskDefinition, running: Mapping[str, Running]) -> None:
    for one in definition.containers:
        if (container := running.get(one.name)) is not None:
            with suppress(NotFound, WorkshopError):  # it is gone, or has ended by itself
                container.stop(one.stop_timeout_seconds)
            container.remove()
