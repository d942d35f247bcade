"""Read a task definition: JSON in, frozen data out, or every problem that it has."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from workshop_kit.engine.tasks.definition import (
    ContainerDefinition,
    HealthCheck,
    InvalidTask,
    Problem,
    SecretReference,
    TaskDefinition,
)
from workshop_kit.engine.tasks.reading import Piece

NAME = re.compile(r"[A-Za-z0-9_-]{1,255}")
VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
DIGEST = re.compile(r"(\S+@)?sha256:[0-9a-f]{64}")
PARAMETER = re.compile(r"(?:arn:aws[a-z-]*:ssm:[a-z0-9-]+:\d{12}:parameter)?(/[\w.-]+(?:/[\w.-]+)*)", re.ASCII)
MOST_MIB, MOST_CPU_UNITS = 1024 * 1024, 256 * 1024
MOST_CONTAINERS = 10

# Amazon ECS has these, too; who copies a definition from there is told so instead of "unknown".
ECS_TASK = """
    taskRoleArn executionRoleArn networkMode volumes placementConstraints requiresCompatibilities cpu memory tags
    pidMode ipcMode proxyConfiguration inferenceAccelerators ephemeralStorage runtimePlatform
"""
ECS_CONTAINER = """
    repositoryCredentials memoryReservation links essential restartPolicy mountPoints volumesFrom linuxParameters
    dependsOn startTimeout hostname workingDirectory disableNetworking privileged dnsServers dnsSearchDomains
    extraHosts dockerSecurityOptions interactive pseudoTerminal dockerLabels ulimits logConfiguration
    systemControls resourceRequirements firelensConfiguration credentialSpecs environmentFiles
"""
ECS_PORT = "hostPort protocol name appProtocol containerPortRange"


def parse(document: str | bytes | Mapping[str, Any]) -> TaskDefinition:
    """Return a task definition from JSON text or from what JSON text becomes. Raises InvalidTask with all problems."""
    root = Piece(_loaded(document))
    found = root.keys(
        {"family": _name, "containerDefinitions": _containers}, ("family", "containerDefinitions"), ECS_TASK
    )
    if root.problems or found is None:
        raise InvalidTask(tuple(root.problems))
    return TaskDefinition(found["family"], found["containerDefinitions"])


def _loaded(document: str | bytes | Mapping[str, Any]) -> Any:
    if not isinstance(document, str | bytes):
        return dict(document) if isinstance(document, Mapping) else document
    try:
        return json.loads(document)
    except json.JSONDecodeError as error:
        wrong = f"is no JSON: {error.msg} in line {error.lineno}, column {error.colno}"
    except RecursionError:
        wrong = "is nested too deeply"
    except ValueError:  # bytes in no encoding that JSON has; a number of 5,000 digits
        wrong = "is no JSON that can be read"
    raise InvalidTask((Problem("The document", wrong),))


def _name(piece: Piece) -> str | None:
    name = piece.text()
    if name is not None and not NAME.fullmatch(name):
        piece.wrong("has to be 1 to 255 letters, digits, hyphens and underscores")
        return None
    return name


def _containers(piece: Piece) -> tuple[ContainerDefinition, ...] | None:
    found = piece.each(_container)
    if found is None:
        return None
    if not 1 <= len(piece.value) <= MOST_CONTAINERS:
        piece.wrong(f"has to hold 1 to {MOST_CONTAINERS} containers")
    _no_name_twice(piece, [one.name for one in found])
    return found


def _container(piece: Piece) -> ContainerDefinition | None:
    before = len(piece.problems)
    found = piece.keys(READERS, ("name", "image"), ECS_CONTAINER)
    if found is None:
        return None
    secrets = found.get("secrets") or ()
    for secret in secrets:
        if secret.name in dict(found.get("environment") or ()):
            piece.wrong(f"sets {secret.name} twice, in environment and in secrets")
    if len(piece.problems) > before:
        return None
    return ContainerDefinition(**{FIELDS.get(key, key): value for key, value in found.items()})


def _image(piece: Piece) -> str | None:
    image = piece.text()
    if image is not None and not DIGEST.fullmatch(image):
        piece.wrong("has to name a digest (NAME@sha256:… or sha256:…), since a tag can move to another image")
        return None
    return image


def _environment(piece: Piece) -> tuple[tuple[str, str], ...] | None:
    pairs = piece.each(_variable)
    if pairs is not None:
        _no_name_twice(piece, [name for name, _ in pairs])
    return pairs


def _variable(piece: Piece) -> tuple[str, str] | None:
    readers = {"name": _variable_name, "value": lambda value: value.text(empty=True)}
    found = piece.keys(readers, readers, "")
    complete = found is not None and found.get("name") is not None and found.get("value") is not None
    return (found["name"], found["value"]) if found is not None and complete else None


def _variable_name(piece: Piece) -> str | None:
    name = piece.text()
    if name is not None and not VARIABLE.fullmatch(name):
        piece.wrong("is no name for a variable: letters, digits and underscores, not beginning with a digit")
        return None
    return name


def _secrets(piece: Piece) -> tuple[SecretReference, ...] | None:
    found = piece.each(_secret)
    if found is not None:
        _no_name_twice(piece, [one.name for one in found])
    return found


def _secret(piece: Piece) -> SecretReference | None:
    readers = {"name": _variable_name, "valueFrom": _parameter}
    found = piece.keys(readers, readers, "")
    if found is None or found.get("name") is None or found.get("valueFrom") is None:
        return None
    return SecretReference(found["name"], found["valueFrom"])


def _parameter(piece: Piece) -> str | None:
    text = piece.text()
    if text is None:
        return None
    if text.startswith("arn:aws:secretsmanager:"):
        piece.wrong("is in Secrets Manager, which Amazon ECS reads and the workshop's runner does not")
        return None
    if (found := PARAMETER.fullmatch(text)) is None:
        piece.wrong("has to be a parameter's name, such as /workshop/staging/redis/password, or its ARN")
        return None
    return found[1]


def _health_check(piece: Piece) -> HealthCheck | None:
    readers = {
        "command": _probe,
        "interval": lambda one: one.number(5, 300, "seconds"),
        "timeout": lambda one: one.number(2, 60, "seconds"),
        "retries": lambda one: one.number(1, 10, "tries"),
        "startPeriod": lambda one: one.number(0, 300, "seconds"),
    }
    found = piece.keys(readers, ("command",), "")
    if found is None or None in found.values() or "command" not in found:
        return None
    units = {"interval": "interval_seconds", "timeout": "timeout_seconds", "startPeriod": "start_period_seconds"}
    return HealthCheck(**{units.get(key, key): value for key, value in found.items()})


def _probe(piece: Piece) -> tuple[str, ...] | None:
    words = _words(piece)
    if words is None:
        return None
    if len(words) < 2 or words[0] not in {"CMD", "CMD-SHELL"}:
        piece.wrong('has to begin with "CMD" or "CMD-SHELL", and the command after it')
        return None
    return words


def _words(piece: Piece) -> tuple[str, ...] | None:
    words = piece.each(lambda word: word.text(empty=True))
    if words is not None and not piece.value:
        piece.wrong("is empty: leave it out to use the image's own")
        return None
    return words


def _ports(piece: Piece) -> tuple[int, ...] | None:
    readers = {"containerPort": lambda port: port.number(1, 65535)}

    def port(mapping: Piece) -> int | None:
        found = mapping.keys(readers, readers, ECS_PORT)
        return (found or {}).get("containerPort")

    found = piece.each(port)
    if found is not None:
        _no_name_twice(piece, list(map(str, found)))
    return found


def _no_name_twice(piece: Piece, names: list[str]) -> None:
    for name in sorted({name for name in names if names.count(name) > 1}):
        piece.wrong(f"has {name} twice")


READERS = {
    "name": _name,
    "image": _image,
    "environment": _environment,
    "secrets": _secrets,
    "memory": lambda piece: piece.number(6, MOST_MIB, "MiB"),
    "cpu": lambda piece: piece.number(16, MOST_CPU_UNITS, "CPU units (1024 are one core)"),
    "healthCheck": _health_check,
    "portMappings": _ports,
    "stopTimeout": lambda piece: piece.number(0, 120, "seconds"),
    "readonlyRootFilesystem": lambda piece: piece.flag(),
    "command": _words,
    "entryPoint": _words,
    "user": lambda piece: piece.text(),
}
FIELDS = {
    "memory": "memory_mib",
    "cpu": "cpu_units",
    "healthCheck": "health_check",
    "portMappings": "ports",
    "stopTimeout": "stop_timeout_seconds",
    "readonlyRootFilesystem": "read_only",
    "entryPoint": "entry_point",
}
