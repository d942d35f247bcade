"""The SDK's client, bound to a session: what the collections of `client` know of it."""

from __future__ import annotations

from collections.abc import Callable

from docker import DockerClient

from workshop_kit.engine.labels import Scope
from workshop_kit.engine.session import Session
from workshop_kit.reporting import Report, silent


class SessionClient(DockerClient):  # type: ignore[misc]
    """A client that uses the connection of a session.

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
