"""Run a task: read its secrets from the store, then start its containers."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from workshop_kit.engine import containers
from workshop_kit.engine.containers import Running
from workshop_kit.engine.labels import ENVIRONMENT, SERVICE
from workshop_kit.engine.session import Session
from workshop_kit.engine.spec import Spec
from workshop_kit.engine.store import Parameter, Store
from workshop_kit.engine.tasks.definition import ContainerDefinition, TaskDefinition
from workshop_kit.errors import WorkshopError, WrongUsage

Delivery = Literal["environment", "files"]
SECRETS_FOLDER = "/run/secrets"


@dataclass(frozen=True)
class ResolvedContainer:
    """A container definition with the values that it names; they are in no repr.

    ``environment`` has the plain variables, too; ``files`` maps absolute paths to text.
    """

    definition: ContainerDefinition
    environment: Mapping[str, str] = field(repr=False)
    files: Mapping[str, str] = field(repr=False)


@contextlib.contextmanager
def run(
    session: Session,
    task: TaskDefinition,
    store: Store | None = None,
    *,
    network: str | None = None,
    delivery: Delivery = "environment",
) -> Iterator[dict[str, Running]]:
    """Start a task's containers with the secrets read from the store; yield them by the names in the definition.

    ``network`` is the name of the network they join. They are removed at the end of the block. Raises WorkshopError:
    a parameter that is missing or may not be read, a store that does not answer, an image that is not there.
    """
    with contextlib.ExitStack() as block:
        yield {
            one.definition.name: block.enter_context(containers.run(session, _spec(task, one, network)))
            for one in resolve(task, store, delivery=delivery)
        }


def resolve(
    task: TaskDefinition, store: Store | None = None, *, delivery: Delivery = "environment"
) -> tuple[ResolvedContainer, ...]:
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


def _laid_out(container: ContainerDefinition, found: Mapping[str, Parameter], delivery: Delivery) -> ResolvedContainer:
    environment, files = container.environment, {}
    for reference in container.secrets:
        parameter = found[reference.parameter]
        if delivery == "files" and parameter.secret:
            path = f"{SECRETS_FOLDER}/{reference.name.lower()}"
            environment[f"{reference.name}_FILE"] = path
            files[path] = parameter.value
        elif "\0" in parameter.value:
            raise WorkshopError(
                f"{parameter.name} contains a NUL character, which no environment variable can hold.",
                "Deliver it as a file, or change it.",
            )
        else:
            environment[reference.name] = parameter.value
    return ResolvedContainer(container, environment, files)


def _spec(task: TaskDefinition, resolved: ResolvedContainer, network: str | None) -> Spec:
    """The spec of a hardened container with the definition's limits; it holds the secrets."""
    one = resolved.definition
    limits: dict[str, Any] = {}
    if one.memory_mib is not None:
        limits["memory_bytes"] = one.memory_mib * 1024 * 1024
    if one.cpu_units is not None:
        limits["cpus"] = one.cpu_units / 1024
    return Spec(
        image=one.image,
        command=one.command,
        entrypoint=one.entry_point,
        environment=resolved.environment,
        network=network,
        ports=one.ports,
        volumes=(SECRETS_FOLDER,) if resolved.files else (),
        files=resolved.files,
        user=one.user,
        stop_timeout_seconds=one.stop_timeout_seconds,
        labels={ENVIRONMENT: task.family.removeprefix("workshop-"), SERVICE: one.name},
        **limits,
    )
