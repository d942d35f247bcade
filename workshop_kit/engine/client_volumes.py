"""The participant's volumes: the SDK's collection, whose new volumes are the workspace's."""

from __future__ import annotations

import contextlib
from typing import Any

from docker.errors import NotFound
from docker.models.volumes import Volume, VolumeCollection

from workshop_kit.engine.session_client import SessionClient


class Volumes(VolumeCollection):  # type: ignore[misc]
    """The SDK's collection of volumes; new ones are the workspace's."""

    client: SessionClient

    def create(self, name: str | None = None, **options: Any) -> Volume:
        """Create a volume, or return the workspace's volume of that name with its data. See the SDK's ``create``."""
        if name:
            name = self.client.names.real_name(name)
            with contextlib.suppress(NotFound):
                return self.get(name)

        options["labels"] = self.client.session.labels("workspace", options.get("labels"))
        return super().create(name, **options)
