"""Targets of an audit: an image, a container, or all containers of a compose project."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from docker.errors import APIError, ImageNotFound, NullResource

from workshop_kit.engine.labels import COMPOSE_PROJECT, service_in
from workshop_kit.engine.reach import Engine
from workshop_kit.errors import WrongUsage

COMPOSE = "compose:"
IMAGE = "image:"
CONTAINER = "container:"


@dataclass(frozen=True)
class Target:
    """An image or a container to audit, as ``docker inspect`` describes it; an image has no ``container``."""

    name: str
    image: Mapping[str, Any]
    container: Mapping[str, Any] | None = None

    @property
    def kind(self) -> str:
        """``image`` or ``container``."""
        return "image" if self.container is None else "container"

    @property
    def config(self) -> Mapping[str, Any]:
        """``Config`` of the container, else of the image."""
        return dict((self.container or self.image)["Config"])

    @property
    def host(self) -> Mapping[str, Any]:
        """``HostConfig`` of the container; empty for an image."""
        return dict(self.container["HostConfig"]) if self.container else {}

    @property
    def mounts(self) -> Sequence[Mapping[str, Any]]:
        """The mounts of the container; none for an image."""
        return (self.container or {}).get("Mounts") or ()

    @property
    def environment(self) -> dict[str, str]:
        """The environment of the container, or of the image."""
        return _variables(self.config)

    @property
    def image_environment(self) -> dict[str, str]:
        """The environment of the image."""
        return _variables(self.image["Config"])


def resolve(engine: Engine, word: str) -> tuple[Target, ...]:
    """Find targets by ``compose:PROJECT``, ``container:NAME``, ``image:NAME``, or the name alone.

    Raises WrongUsage for an unknown name, and for a name of both an image and a container.
    """
    if word.startswith(COMPOSE):
        return of_project(engine, word.removeprefix(COMPOSE))

    images = engine.client.images
    containers = engine.client.containers
    container = None if word.startswith(IMAGE) else _find(containers, word.removeprefix(CONTAINER))
    image = None if word.startswith(CONTAINER) else _find(images, word.removeprefix(IMAGE))
    if container and image:
        raise WrongUsage(
            f"Both an image and a container are called {word!r}.", f"Write image:{word} or container:{word}."
        )

    if container:
        return (of_container(engine, container),)
    if image is None:
        sentence = f"There is neither an image nor a container {word!r} on this engine."
        raise WrongUsage(sentence, "Pull or build it first, or choose a name from docker images and docker ps --all.")
    return (Target(word, image.attrs),)


def of_project(engine: Engine, project: str) -> tuple[Target, ...]:
    """List the containers of a compose project, sorted by service. Raises WrongUsage if there is none."""
    filters = {"label": f"{COMPOSE_PROJECT}={project}"}
    containers = engine.client.containers.list(all=True, filters=filters, ignore_removed=True)
    if not containers:
        raise WrongUsage(
            f"No container belongs to a compose project {project!r}.", "Choose a name from docker compose ls --all."
        )

    targets = [of_container(engine, container) for container in containers]
    return tuple(sorted(targets, key=lambda target: target.name))


def of_container(engine: Engine, container: Any) -> Target:
    """Make a target of the SDK's container. Raises WrongUsage if its image was removed."""
    container.reload()
    try:
        image = engine.client.images.get(container.attrs["Image"])
    except ImageNotFound as error:
        raise WrongUsage(f"The image of the container {container.name} is gone.", "Pull or build it again.") from error

    name = service_in(container.labels) or container.name
    return Target(name, image.attrs, container.attrs)


def _find(collection: Any, name: str) -> Any | None:
    """Return the image or container of that name in a collection of the SDK; None if there is none."""
    try:
        return collection.get(name)
    except (APIError, NullResource):  # the engine knows no such name, or refuses it as a name
        return None


def _variables(config: Mapping[str, Any]) -> dict[str, str]:
    """Return the environment in ``Config`` by name; a variable without a value has the value ""."""
    variables: dict[str, str] = {}
    for pair in config.get("Env") or ():
        name, _, value = pair.partition("=")
        variables[name] = value
    return variables
