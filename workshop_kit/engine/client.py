"""The participant's Docker client: the SDK's own, with five additions.

1. It labels what it makes, so that ``./workshop down`` finds it.
2. A name that is used again replaces what this workspace had under it; a volume stays, since it holds data.
3. A container joins the workspace's network, with the name that was typed as its alias.
4. A port without an address is bound to 127.0.0.1.
5. Names and image tags get the workspace's project in front, so that two people can share an engine: ``my-service`` is
   ``workshop-1a2b3c4d-my-service`` there. Either form finds it again.

Everything else is the SDK's own.
"""

from __future__ import annotations

import contextlib
import http.client
from collections.abc import Callable
from typing import Any

from docker import DockerClient
from docker.errors import APIError, NotFound
from docker.models.networks import Network, NetworkCollection
from docker.models.volumes import Volume, VolumeCollection

from workshop_kit.engine.builder import Images
from workshop_kit.engine.container_collection import Containers
from workshop_kit.engine.labels import COMPOSE_NETWORK, COMPOSE_PROJECT, SESSION, Scope
from workshop_kit.engine.session import GivenLabels, Session
from workshop_kit.reporting import Report, silent


class WorkspaceClient(DockerClient):  # type: ignore[misc]
    """The SDK's client for one workspace.

    ``report`` is called at each build for the function that shows its progress. ``scope`` is the scope of the client's
    containers.
    """

    def __init__(
        self, session: Session, report: Callable[[], Report] = lambda: silent, scope: Scope = "workspace"
    ) -> None:
        # Not super().__init__(), which opens a second connection to the engine.
        self.api = session.engine.client.api
        self.session = session
        self.names = session.identity
        self.report = report
        self.scope = scope
        self.replaced_images: set[str] = set()  # the ids of images whose tag a later build has taken

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


class Networks(NetworkCollection):  # type: ignore[misc]
    """The SDK's collection of networks; new ones are the workspace's."""

    client: WorkspaceClient

    def create(self, name: str, *arguments: Any, **options: Any) -> Network:
        """Create a network, in place of the workspace's earlier one of that name. See the SDK's ``create``."""
        real_name = self.client.names.real_name(name)
        self._remove_earlier(real_name)

        return self._create(real_name, options.pop("labels", None), *arguments, **options)

    def real_name(self, name: str) -> str:
        """Return the real name of this workspace's network; the name as it is if the workspace has no such network."""
        with contextlib.suppress(NotFound):
            return str(self.get(self.client.names.real_name(name)).name)
        return name

    def ensure_default(self) -> str:
        """Return the name of the network of the workspace's stack; create the network if the stack is not up yet."""
        project = self.client.names.project
        name = f"{project}_default"
        try:
            self.get(name)
        except NotFound:
            self._create_default(name, project)
        return name

    def _create_default(self, name: str, project: str) -> None:
        """Create a project's network, labeled as docker compose labels it; if compose has just created it, return."""
        try:
            self._create(name, {COMPOSE_PROJECT: project, COMPOSE_NETWORK: "default"})
        except APIError as refusal:
            if refusal.status_code != http.client.CONFLICT:  # a conflict: compose has just created it
                raise

    def _create(self, name: str, labels: GivenLabels, *arguments: Any, **options: Any) -> Network:
        """Create a network under its real name."""
        all_labels = self.client.session.labels("workspace", labels)
        sdk_options = {"check_duplicate": True, **options, "labels": all_labels}
        return super().create(name, *arguments, **sdk_options)

    def _remove_earlier(self, name: str) -> None:
        """Remove the workspace's network of this name, if there is one, after disconnecting its containers."""
        with contextlib.suppress(NotFound):
            network = self.get(name)
            if network.attrs["Labels"].get(SESSION) != self.client.session.identity.workspace_id:
                return

            for identifier in network.attrs["Containers"] or {}:
                network.disconnect(identifier, force=True)
            network.remove()


class Volumes(VolumeCollection):  # type: ignore[misc]
    """The SDK's collection of volumes; new ones are the workspace's."""

    client: WorkspaceClient

    def create(self, name: str | None = None, **options: Any) -> Volume:
        """Create a volume, or return the workspace's volume of that name with its data. See the SDK's ``create``."""
        if name:
            name = self.client.names.real_name(name)
            with contextlib.suppress(NotFound):
                return self.get(name)

        options["labels"] = self.client.session.labels("workspace", options.get("labels"))
        return super().create(name, **options)
