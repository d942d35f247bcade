"""The labels that everything the workshop makes carries, and those of docker compose that it reads.

A *scope* says how long a thing lives: ``kernel`` (made by a notebook for itself), ``workspace`` (the participant's
stack, until ``down``), ``machine`` (images, until ``down --all``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

KIT = "workshop.kit"
SESSION = "workshop.session"
OWNER = "workshop.owner"
SCOPE = "workshop.scope"
MAKER = "workshop.maker"
"""The process that made a thing: ``PID@START``. No image that outlives its maker has it: containers inherit labels."""
ENVIRONMENT = "workshop.environment"
"""The environment under which a container's logs are collected (``staging``); without it ``workshop``."""
SERVICE = "workshop.service"
"""The service that a container is, where no compose file says so."""
COMPOSE_SERVICE = "com.docker.compose.service"
COMPOSE_HASH = "com.docker.compose.config-hash"  # of the service's description
COMPOSE_PROJECT = "com.docker.compose.project"
COMPOSE_NETWORK = "com.docker.compose.network"
COLLECT = "workshop.collect"
"""The collector that reads this container's log: the one of that name alone; with ``no``, none."""
KIT_NAME = "container-design-workshop"

Scope = Literal["kernel", "workspace", "machine"]


@dataclass(frozen=True)
class Identity:
    """A workspace's identity: ``session`` is its random id, ``owner`` a readable name for it."""

    session: str
    owner: str

    @property
    def project(self) -> str:
        """The compose project of the workspace's stack, which prefixes the names of what the participant makes."""
        return f"workshop-{self.session}"

    @property
    def service_project(self) -> str:
        """The compose project of the participant's own folder, ``my_service``."""
        return f"{self.project}-my-service"

    def labels(self, scope: Scope) -> dict[str, str]:
        """Return the labels for one new container, network, volume or image."""
        return {KIT: KIT_NAME, SESSION: self.session, OWNER: self.owner, SCOPE: scope}


def are_ours(labels: Mapping[str, str] | None, session: str) -> bool:
    """Return whether these labels name the kit and this session."""
    labels = labels or {}
    return labels.get(KIT) == KIT_NAME and labels.get(SESSION) == session
