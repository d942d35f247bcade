"""Run a task: read its secrets from the store, then start its containers."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from typing import Any, Literal

from workshop_kit.engine import containers
from workshop_kit.engine.containers import Running
from workshop_kit.engine.labels import ENVIRONMENT, SERVICE
from workshop_kit.engine.session import Session
from workshop_kit.engine.spec import Spec
from workshop_kit.engine.store import Parameter, Store
from workshop_kit.engine.tasks.definition import ContainerDefinition, TaskDefinition

Delivery = Literal["environment", "files"]
SECRETS_FOLDER = "/run/secrets"


@contextlib.contextmanager
def run(
    session: Session,
    task: TaskDefinition,
    store: Store,
    *,
    network: str | None = None,
    delivery: Delivery = "environment",
) -> Iterator[dict[str, Running]]:
    """Start a task's containers with the secrets read from the store; yield them by the names in the definition.

    ``network`` is the name of the network they join. They are removed at the end of the block. Raises WorkshopError:
    a parameter that is missing or may not be read, a store that does not answer, an image that is not there.
    """
    specs = resolve(task, store, network=network, delivery=delivery)
    with contextlib.ExitStack() as block:
        yield {name: block.enter_context(containers.run(session, spec)) for name, spec in specs.items()}


def resolve(
    task: TaskDefinition, store: Store, *, network: str | None = None, delivery: Delivery = "environment"
) -> dict[str, Spec]:
    """Read every parameter that the task names, and return each container's spec by its name in the definition.

    With ``delivery="environment"``, as on Amazon ECS, every value becomes an environment variable. With ``"files"`` a
    SecureString becomes a file in ``/run/secrets`` and ``NAME_FILE`` its path; a plain String stays a variable.
    Raises WorkshopError in one sentence if anything cannot be read; it names parameters, never values.
    """
    named = [reference.parameter for container in task.containers for reference in container.secrets]
    found = store.read(named)
    return {one.name: _spec(task.family, one, found, network, delivery) for one in task.containers}


def _spec(
    family: str, one: ContainerDefinition, found: Mapping[str, Parameter], network: str | None, delivery: Delivery
) -> Spec:
    """The spec of a hardened container with the definition's limits, and the values that it names."""
    environment, files = one.environment, {}
    for reference in one.secrets:
        parameter = found[reference.parameter]
        if delivery == "files" and parameter.secret:
            path = f"{SECRETS_FOLDER}/{reference.name.lower()}"
            environment[f"{reference.name}_FILE"] = path
            files[path] = parameter.value
        else:
            environment[reference.name] = parameter.value
    limits: dict[str, Any] = {}
    if one.memory_mib is not None:
        limits["memory_bytes"] = one.memory_mib * 1024 * 1024
    if one.cpu_units is not None:
        limits["cpus"] = one.cpu_units / 1024
    return Spec(
        image=one.image,
        command=tuple(one.command) if one.command else None,
        entrypoint=tuple(one.entry_point) if one.entry_point else None,
        environment=environment,
        network=network,
        ports=one.ports,
        volumes=(SECRETS_FOLDER,) if files else (),
        files=files,
        user=one.user,
        stop_timeout_seconds=one.stop_timeout_seconds,
        labels={ENVIRONMENT: family.removeprefix("workshop-"), SERVICE: one.name},
        **limits,
    )
