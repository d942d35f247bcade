"""The services of a compose file, with their lines."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from workshop_kit.errors import WorkshopError
from workshop_kit.files import read_small_text

MERGES = 10
"""How many merges (``<<``) within each other are followed."""


@dataclass(frozen=True)
class ComposeService:
    """A service: the line of its name, the lines of its ``keys``, the name of its image, and the Dockerfile of it."""

    line: int
    keys: Mapping[str, int] = field(default_factory=dict)
    image: str = ""
    dockerfile: Path | None = None


@dataclass(frozen=True)
class ComposeFile:
    """A compose file: the name of its project, the line of ``services``, and the services."""

    path: Path
    project: str
    services_line: int
    services: Mapping[str, ComposeService]


def read_compose_file(path: Path) -> ComposeFile:
    """Read a compose file. Raises FileNotFoundError if there is none, WorkshopError if it cannot be read or parsed."""
    try:
        document = yaml.compose(read_small_text(path), Loader=yaml.SafeLoader)
    except (yaml.YAMLError, RecursionError) as error:
        problem = " ".join(str(error).split())
        raise WorkshopError(f"{path} cannot be used: {problem}.", "Correct it, then try again.") from error

    entries = dict(_entries(document))
    services_line, services_node = entries.get("services", (1, None))
    services = {name: _service(line, node, path.parent) for name, (line, node) in _entries(services_node)}
    project = _scalar_text(entries, "name") or project_name(path)
    return ComposeFile(path, project, services_line, services)


def project_name(path: Path) -> str:
    """Return the project name that compose derives from a file: that of its folder, in small letters.

    >>> project_name(Path("/home/me/My Shop.v2/compose.yaml"))
    'myshopv2'
    """
    name = path.resolve().parent.name.lower()
    return re.sub(r"[^a-z0-9_-]", "", name).lstrip("_-")


def _service(line: int, node: yaml.Node | None, folder: Path) -> ComposeService:
    """Return a service from the line of its name and its YAML node; ``folder`` is that of the compose file."""
    entries = dict(_entries(node))
    lines_by_key = {key: key_line for key, (key_line, _) in entries.items()}
    image = _scalar_text(entries, "image")
    return ComposeService(line, lines_by_key, image, _dockerfile_path(entries, folder))


def _dockerfile_path(entries: Mapping[str, tuple[int, yaml.Node]], folder: Path) -> Path | None:
    """Return the Dockerfile of ``build``, whose value is a folder or a mapping; None for a service without it."""
    if "build" not in entries:
        return None

    _, build_node = entries["build"]
    build = dict(_entries(build_node))
    context = _scalar_text(entries, "build") or _scalar_text(build, "context") or "."
    name = _scalar_text(build, "dockerfile") or "Dockerfile"
    return folder / context / name


def _entries(node: yaml.Node | None, merges: int = MERGES) -> Iterator[tuple[str, tuple[int, yaml.Node]]]:
    """Yield each key of a mapping with its line and its value, as pairs for a dict; nothing for another node.

    Keys that are merged (``<<``) come before the mapping's own keys, which override them in the dict.
    """
    if not isinstance(node, yaml.MappingNode):
        return

    for key, value in node.value:
        if key.value == "<<" and merges:
            mappings = value.value if isinstance(value, yaml.SequenceNode) else [value]
            for mapping in reversed(mappings):  # the first of them overrides the others
                yield from _entries(mapping, merges - 1)

    for key, value in node.value:
        if isinstance(key.value, str) and key.value != "<<":
            yield key.value, (key.start_mark.line + 1, value)


def _scalar_text(entries: Mapping[str, tuple[int, yaml.Node]], key: str) -> str:
    """Return the text of an entry; "" if there is no such key, or its value is no text."""
    _, node = entries.get(key, (0, None))
    if isinstance(node, yaml.ScalarNode):
        return str(node.value)
    return ""
