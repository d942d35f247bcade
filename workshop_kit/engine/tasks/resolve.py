"""Fill in what a task definition only names: the secrets, read from the store when a container is about to start."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, get_args

from workshop_kit.engine.spec import Spec
from workshop_kit.engine.store import Parameter, Store
from workshop_kit.engine.tasks.definition import ContainerDefinition, HealthCheck, TaskDefinition
from workshop_kit.errors import WorkshopError, WrongUsage

Delivery = Literal["environment", "files"]
SECRETS_FOLDER = "/run/secrets"
SECOND = 1_000_000_000  # nanoseconds, the engine's unit


@dataclass(frozen=True)
class Resolved:
    """A container definition with the values it asked for; they are in no repr.

    ``environment`` has what is not a secret in the store, too; ``files`` maps absolute paths to text.
    """

    definition: ContainerDefinition
    environment: Mapping[str, str] = field(repr=False)
    files: Mapping[str, str] = field(repr=False)

    def spec(self, network: str | None) -> Spec:
        """Return what the engine starts it from: the workshop's hardened way, with the definition's limits.

        The result holds the secrets: hand it to the engine, and to nobody else.
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
    environment, files = dict(container.environment), {}
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
        words["StartInterval"] = SECOND // 4  # whoever waits for it starts without delay
    return words
