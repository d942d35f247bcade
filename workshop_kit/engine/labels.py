"""The labels and names of what the workshop makes, and the labels of docker compose that it reads.

A *scope* says how long a thing lives: ``kernel`` (made by a notebook for itself), ``workspace`` (the participant's
stack, until ``down``), ``machine`` (images, until ``down --all``).

Images have labels of other names: a container inherits its image's labels, and one that was run by hand is nobody's.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

SESSION = "workshop.session"
"""The workspace's random id: who carries it is the workspace's."""
SCOPE = "workshop.scope"
MAKER = "workshop.maker"
"""The process that made a thing: ``PID@START``."""
IMAGE_SESSION = "workshop.image.session"
IMAGE_SCOPE = "workshop.image.scope"
IMAGE_MAKER = "workshop.image.maker"
SERVICE = "workshop.service"
"""The service that a container is, if it was started without a compose file."""
COMPOSE_SERVICE = "com.docker.compose.service"
COMPOSE_HASH = "com.docker.compose.config-hash"  # of the service's description
COMPOSE_PROJECT = "com.docker.compose.project"
COMPOSE_NETWORK = "com.docker.compose.network"
COMPOSE_FOLDER = "com.docker.compose.project.working_dir"
COLLECT = "workshop.collect"
"""The name of the one collector that may read this container's log; ``no`` for none."""
LOCAL = "localhost/"
"""The prefix of the names of the kit's and the participants' images.

A builder with containerd's image store looks up every other name in a registry, even if the engine has the image: a
name server that never answers would cost 20 seconds for each build, and an image of that name in a public registry
would be used.
"""

Scope = Literal["kernel", "workspace", "machine"]


@dataclass(frozen=True)
class Identity:
    """A workspace's identity, its random id, and the names that are made of it.

    >>> identity = Identity("1a2b3c4d")
    >>> identity.real_name("my-service"), identity.real_tag("my-service:1")
    ('workshop-1a2b3c4d-my-service', 'localhost/workshop-1a2b3c4d/my-service:1')
    """

    workspace_id: str

    @property
    def project(self) -> str:
        """The compose project of the workspace's stack; also the prefix of the names of what the participant makes."""
        return f"workshop-{self.workspace_id}"

    @property
    def service_project(self) -> str:
        """The compose project of the participant's own folder, ``my_service``."""
        return f"{self.project}-my-service"

    def real_name(self, name: str) -> str:
        """Return the engine's name of the workspace's container, network or volume with this name."""
        return name if self._is_real(name) else f"{self.project}-{name}"

    @property
    def image_prefix(self) -> str:
        """The prefix of the engine's tags of the workspace's images."""
        return f"{LOCAL}{self.project}/"

    def real_tag(self, tag: str) -> str:
        """Return the engine's tag of the workspace's image with this tag.

        A tag stays as it is if it names a registry, or if the kit, another workspace or docker compose has given it.
        """
        name = tag.removeprefix(LOCAL).removeprefix(f"{self.project}/")
        first_part, slash, _ = name.partition("/")
        names_registry = bool(slash) and ("." in first_part or ":" in first_part)
        is_foreign = tag.startswith(LOCAL) and not tag.startswith(self.image_prefix)
        if names_registry or is_foreign or self._is_real(name):
            return tag
        return f"{self.image_prefix}{name}"

    def versioned_tag(self, tag: str) -> str:
        """Return the engine's tag of an image to build, with ``:latest`` if it has no version."""
        real_tag = self.real_tag(tag)
        last_part = real_tag.rpartition("/")[2]
        return real_tag if ":" in last_part else f"{real_tag}:latest"

    def _is_real(self, name: str) -> bool:
        """Return whether a name has the project in front already, with a dash or with docker compose's underscore."""
        return name.startswith((f"{self.project}-", f"{self.project}_"))


def service_in(labels: Mapping[str, str] | None) -> str | None:
    """Return the service that a container is, according to compose's label or the kit's; None without these."""
    labels = labels or {}
    return labels.get(COMPOSE_SERVICE) or labels.get(SERVICE)
