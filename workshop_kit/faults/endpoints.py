"""Connect and disconnect containers with all that an endpoint has; the SDK's own calls leave some of it out."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from typing import Any

from docker.errors import APIError, NotFound

from workshop_kit.engine.session import Session


def attach(session: Session, container: Any, network: str, endpoint: Mapping[str, Any]) -> None:
    """Connect a container to a network; one that is connected already, or a network that is gone, is fine."""
    if network not in attached(container):
        with contextlib.suppress(NotFound):
            post(session, f"/networks/{network}/connect", {"Container": container.id, "EndpointConfig": dict(endpoint)})


def detach(session: Session, container: Any, network: str) -> None:
    """Disconnect a container from a network; one that is not connected is fine."""
    if network in attached(container):
        post(session, f"/networks/{network}/disconnect", {"Container": container.id, "Force": True})


def attached(container: Any) -> dict[str, Any]:
    """The container's endpoints by the network's name, as they are now. Raises NotFound if it is gone.

    By name, since the endpoint of a container that is stopped may have no network id.
    """
    container.reload()
    return dict(container.attrs["NetworkSettings"]["Networks"])


def post(session: Session, path: str, body: Mapping[str, Any]) -> None:
    """Ask the engine for a change that the SDK has no words for. Raises docker's APIError or NotFound."""
    api = session.engine.client.api
    api._raise_for_status(api._post_json(api._url(path), data=dict(body)))


def refusal(error: APIError) -> str:
    """The engine's own words for why it did not do something, without a full stop."""
    return str(error.explanation or error).strip().rstrip(".")
