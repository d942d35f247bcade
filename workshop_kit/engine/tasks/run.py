"""Run a task: read its secrets from the store, start its containers, replace them when a secret has changed."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field, replace
from types import MappingProxyType, TracebackType
from typing import Literal, Self, get_args

from docker.errors import NotFound

from workshop_kit.engine import containers
from workshop_kit.engine.containers import Running
from workshop_kit.engine.labels import ENVIRONMENT, SERVICE, Scope
from workshop_kit.engine.session import Session
from workshop_kit.engine.spec import Spec
from workshop_kit.engine.store import Parameter, Store
from workshop_kit.engine.tasks.definition import ContainerDefinition, HealthCheck, TaskDefinition
from workshop_kit.errors import WorkshopError, WrongUsage

Delivery = Literal["environment", "files"]
SECRETS_FOLDER = "/run/secrets"
SECOND = 1_000_000_000  # nanoseconds, the engine's unit


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


@dataclass(frozen=True)
class Resolved:
    """A container definition with the values that it names; they are in no repr.

    ``environment`` has plain variables, too; ``files`` maps absolute paths to text.
    """

    definition: ContainerDefinition
    environment: Mapping[str, str] = field(repr=False)
    files: Mapping[str, str] = field(repr=False)

    def spec(self, network: str | None) -> Spec:
        """Return the spec of a hardened container with the definition's limits.

        The result holds the secrets: give it to the engine alone.
        """
        one = self.definition
        limits: dict[str, object] = {}
        if one.memory_mib is not None:
            limits["memory_bytes"] = one.memory_mib * 1024 * 1024
        if one.cpu_units is not None:
            limits["cpus"] = one.cpu_units / 1024
        return Spec(
            image=one.image,
            command=one.command,
            entrypoint=one.entry_point,
            environment=self.environment,
            network=network,
            ports=one.ports,
            volumes=(SECRETS_FOLDER,) if self.files else (),
            files=self.files,
            read_only=one.read_only,
            user=one.user,
            stop_timeout_seconds=one.stop_timeout_seconds,
            healthcheck=_in_engine_words(one.health_check) if one.health_check else None,
            **limits,  # type: ignore[arg-type]
        )


def resolve(
    task: TaskDefinition, store: Store | None = None, *, delivery: Delivery = "environment"
) -> tuple[Resolved, ...]:
    """Read every parameter that the task names, and lay out what each container gets.

    With ``delivery="environment"``, as on Amazon ECS, every value becomes an environment variable. With ``"files"`` a
    SecureString becomes a file in ``/run/secrets`` and ``NAME_FILE`` its path; a plain String stays a variable.
    Raises WorkshopError in one sentence if anything cannot be read; it names parameters, never values.
    """
    if delivery not in get_args(Delivery):
        raise WrongUsage("Secrets are delivered as 'environment' or as 'files'.", "Choose one of the two.")
    named = [reference.parameter for container in task.containers for reference in container.secrets]
    if named and store is None:
        raise WrongUsage(f"The task {task.family} names parameters, but no store was given.", "Pass the store.")
    found = store.read(named) if named and store is not None else {}
    return tuple(_laid_out(container, found, delivery) for container in task.containers)


def _laid_out(container: ContainerDefinition, found: Mapping[str, Parameter], delivery: Delivery) -> Resolved:
    environment, files = container.environment, {}
    for reference in container.secrets:
        parameter = found[reference.parameter]
        if delivery == "files" and parameter.secret:
            path = f"{SECRETS_FOLDER}/{reference.name.lower()}"
            environment[f"{reference.name}_FILE"] = path
            files[path] = parameter.value
        else:
            _must_fit(parameter)
            environment[reference.name] = parameter.value
    return Resolved(container, environment, files)


def _must_fit(parameter: Parameter) -> None:
    if "\0" in parameter.value:
        raise WorkshopError(
            f"{parameter.name} contains a NUL character, which no environment variable can hold.",
            "Deliver it as a file, or change it.",
        )


def _in_engine_words(check: HealthCheck) -> dict[str, object]:
    words: dict[str, object] = {
        "Test": list(check.command),
        "Interval": check.interval_seconds * SECOND,
        "Timeout": check.timeout_seconds * SECOND,
        "Retries": check.retries,
        "StartPeriod": check.start_period_seconds * SECOND,
    }
    if check.start_period_seconds:
        words["StartInterval"] = SECOND // 4  # the end of the start is seen early
    return words
