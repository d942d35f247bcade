"""The participant's networks: the SDK's collection, whose new networks are the workspace's."""

from __future__ import annotations

import contextlib
import http.client
from typing import Any

from docker.errors import APIError, NotFound
from docker.models.networks import Network, NetworkCollection

from workshop_kit.engine.labels import COMPOSE_NETWORK, COMPOSE_PROJECT, SESSION
from workshop_kit.engine.session import GivenLabels
from workshop_kit.engine.session_client import SessionClient


class Networks(NetworkCollection):  # type: ignore[misc]
    """The SDK's collection of networks; new ones are the workspace's."""

    client: SessionClient

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
