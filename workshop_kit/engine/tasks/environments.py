"""One image, three environments: what the store holds for each, and task definitions that differ in paths only."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import PurePosixPath
from typing import Any

from pydantic import SecretStr

from workshop_kit.engine.stack import Stack
from workshop_kit.engine.store import PREFIX, Settings
from workshop_kit.engine.tasks.definition import TaskDefinition, parse
from workshop_kit.errors import WorkshopError

GROUPS = ("MASTER_DB", "REPLICA_DB", "REDIS", "HTTP", "HEALTH", "LOG")
PORT = "http/port"
DIFFERENCES: Mapping[str, Settings] = {
    "production": {PORT: "8080", "log/level": "info", "http/drain_seconds": "1"},
    "staging": {PORT: "8081", "log/level": "debug", "http/drain_seconds": "0"},
    "qa": {PORT: "8082", "log/level": "debug", "http/drain_seconds": "0", "master_db/sql_mode": "TRADITIONAL"},
}
"""What each environment has of its own; the rest is as in the stack."""


def settings_of(stack: Stack) -> dict[str, str | SecretStr]:
    """Return what the stack's service is told, by ``group/name``; what it reads from files is secret."""
    found: dict[str, str | SecretStr] = {}
    for pair in stack.container("service").attrs["Config"]["Env"]:
        variable, _, value = pair.partition("=")
        name = _parameter_of(variable.removesuffix("_FILE"))
        if name is not None and variable.endswith("_FILE"):
            found[name] = _secret(stack, PurePosixPath(value).name)
        elif name is not None:
            found[name] = value
    return found


def three(stack: Stack) -> dict[str, dict[str, str | SecretStr]]:
    """Return the settings of production, staging and qa, ready to be seeded: the stack's, and what differs."""
    shared = settings_of(stack)
    return {environment: {**shared, **own} for environment, own in DIFFERENCES.items()}


def document(environment: str, image: str, names: Collection[str], port: int = 8080) -> dict[str, Any]:
    """Return an environment's task definition as JSON has it: everything it needs, by its path in the store."""
    container = {
        "name": "service",
        "image": image,
        "secrets": [{"name": variable(name), "valueFrom": f"{PREFIX}/{environment}/{name}"} for name in sorted(names)],
        "memory": 256,
        "cpu": 512,
        "portMappings": [{"containerPort": port}],
        "stopTimeout": 10,
        "readonlyRootFilesystem": True,
    }
    return {"family": f"workshop-{environment}", "containerDefinitions": [container]}


def environments(image: str, settings: Mapping[str, Settings]) -> dict[str, TaskDefinition]:
    """Return a task definition for each environment, all of the same image. They hold no value, so no secret."""
    return {
        environment: parse(document(environment, image, own, int(str(own.get(PORT, 8080)))))
        for environment, own in settings.items()
    }


def variable(name: str) -> str:
    """Return the environment variable of a parameter.

    >>> variable("master_db/sql_mode")
    'MASTER_DB_SQL_MODE'
    """
    return name.replace("/", "_").upper()


def _parameter_of(variable: str) -> str | None:
    for group in GROUPS:
        if variable.startswith(f"{group}_"):
            return f"{group.lower()}/{variable.removeprefix(f'{group}_').lower()}"
    return None


def _secret(stack: Stack, name: str) -> SecretStr:
    path = stack.folder / "secrets" / name
    try:
        return SecretStr(path.read_text().removesuffix("\n"))
    except OSError as error:
        raise WorkshopError(f"The stack's secret {name} cannot be read.", "Run ./workshop setup.") from error
