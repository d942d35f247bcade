"""Read tasks.yaml: container definitions in the words of Amazon ECS, made whole with what environments share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from workshop_kit.engine.store import PREFIX
from workshop_kit.engine.tasks.definition import TaskDefinition, parse
from workshop_kit.errors import WrongUsage
from workshop_kit.exercises.checks.yaml_fragment import plain_yaml

IMAGE = "${IMAGE}"
THEIRS = ("image", "environment", "secrets")
OWN = ("HTTP_PORT", "LOG_LEVEL", "HTTP_DRAIN_SECONDS")
"""What environments do not share: it comes from their definition, or is the service's default."""


def read(text: str) -> dict[str, dict[str, Any]]:
    """Return what each environment's definition says, by name. Raises WrongUsage with one sentence."""
    document = plain_yaml(text)
    if not isinstance(document, dict) or not all(isinstance(one, dict) for one in document.values()):
        raise WrongUsage("It should hold environments, each with image:, environment: or secrets:.", "Reset it.")
    for name, one in document.items():
        if strange := [str(key) for key in one if key not in THEIRS]:
            raise WrongUsage(
                f"{str(name)[:40]}: {strange[0][:40]!r} is none of the keys that a definition has here.",
                f"Use {', '.join(THEIRS)}.",
            )
    return {str(name): one for name, one in document.items()}


def definition_of(one: Mapping[str, Any], image: str, shared: Mapping[str, str], port: int) -> TaskDefinition:
    """Return the task of a definition, made whole: ``image`` in place of its own, and what is shared unless it says so.

    Raises InvalidTask, a WrongUsage with all problems.
    """
    own = one.get("environment") or []
    said = {str(entry.get("name")) for key in ("environment", "secrets") for entry in _entries(one, key)}
    if isinstance(own, list):
        own = [*own, *({"name": name, "value": value} for name, value in shared.items() if name not in said)]
    container = {
        "name": "service",
        "image": image,
        "environment": own,
        "secrets": one.get("secrets") or [],
        "portMappings": [{"containerPort": port}],
        "stopTimeout": 0,
    }
    return parse({"family": "exercise", "containerDefinitions": [container]})


def passwords(one: Mapping[str, Any]) -> list[str]:
    """Return the variables in ``environment`` that are passwords, so that the file has them as text."""
    return sorted(
        name for entry in _entries(one, "environment") if (name := str(entry.get("name"))).endswith("PASSWORD")
    )


def elsewhere(one: Mapping[str, Any], environment: str) -> list[str]:
    """Return the paths that a definition names and that are not its environment's."""
    paths = [str(entry.get("valueFrom")) for entry in _entries(one, "secrets")]
    return [path for path in paths if not path.startswith(f"{PREFIX}/{environment}/")]


def _entries(one: Mapping[str, Any], key: str) -> list[dict[Any, Any]]:
    """The entries of a list that are mappings, as they should be; the parser says what is wrong with the others."""
    entries = one.get(key)
    return [entry for entry in entries if isinstance(entry, dict)] if isinstance(entries, list) else []
