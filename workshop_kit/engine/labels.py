"""The four labels that everything we make carries, and what they mean for cleaning up; and compose's, which we read.

A *scope* says how long a thing lives: ``kernel`` (made by a notebook for itself), ``workspace`` (the participant's
stack, until ``down``), ``machine`` (images, until ``down --all``).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

KIT = "workshop.kit"
SESSION = "workshop.session"
OWNER = "workshop.owner"
SCOPE = "workshop.scope"
ENVIRONMENT = "workshop.environment"
"""Which deploy a container belongs to (``staging``), for where its logs go; without it they go to ``workshop``."""
SERVICE = "workshop.service"
"""Which service a container is, where no compose file says so."""
COMPOSE_SERVICE = "com.docker.compose.service"
COMPOSE_PROJECT = "com.docker.compose.project"
COMPOSE_NETWORK = "com.docker.compose.network"
COLLECT = "workshop.collect"
"""Whose lines these are: those of the collector of that name alone; with ``no``, nobody's."""
KIT_NAME = "container-design-workshop"

Scope = Literal["kernel", "workspace", "machine"]


@dataclass(frozen=True)
class Identity:
    """Whose things these are: ``session`` is the workspace's random id, ``owner`` a readable name for it."""

    session: str
    owner: str

    @property
    def project(self) -> str:
        """The compose project of the workspace's stack; what the participant makes has it in front of its name."""
        return f"workshop-{self.session}"

    @property
    def service_project(self) -> str:
        """The compose project of the participant's own folder, ``my_service``."""
        return f"{self.project}-my-service"

    def labels(self, scope: Scope) -> dict[str, str]:
        """The labels for one new container, network, volume or image."""
        return {KIT: KIT_NAME, SESSION: self.session, OWNER: self.owner, SCOPE: scope}


def are_ours(labels: dict[str, str] | None, session: str) -> bool:
    """Whether these labels say, to the letter, that the thing belongs to this session of the workshop."""
    labels = labels or {}
    return labels.get(KIT) == KIT_NAME and labels.get(SESSION) == session
