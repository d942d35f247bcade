"""The participant's Docker client: the SDK's own, with six additions.

1. It labels what it makes, so that ``./workshop down`` finds it.
2. A name that is used again replaces what this workspace had under it; a volume stays, since it holds data.
3. A container joins the workspace's network, with the name that was typed as its alias.
4. A port without an address is bound to 127.0.0.1.
5. Names and image tags get the workspace's project in front, so that two people can share an engine: ``my-service`` is
   ``workshop-1a2b3c4d-my-service`` there. Either form finds it again.
6. Images are built with BuildKit, with the build argument BASE.

Everything else is the SDK's own.
"""

from __future__ import annotations

from workshop_kit.engine.client_containers import Containers
from workshop_kit.engine.client_images import Images
from workshop_kit.engine.client_networks import Networks
from workshop_kit.engine.client_volumes import Volumes
from workshop_kit.engine.session_client import SessionClient


class WorkspaceClient(SessionClient):
    """The SDK's client for one workspace."""

    @property
    def containers(self) -> Containers:
        """The workspace's containers."""
        return Containers(client=self)

    @property
    def images(self) -> Images:
        """The workspace's images; ``get`` finds all others, too."""
        return Images(client=self)

    @property
    def networks(self) -> Networks:
        """All networks; a new one is the workspace's."""
        return Networks(client=self)

    @property
    def volumes(self) -> Volumes:
        """All volumes; a new one is the workspace's."""
        return Volumes(client=self)
