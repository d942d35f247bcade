"""The container that a fault is applied to: which ones are allowed, its snapshot, and its networks."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from docker.errors import APIError, NotFound

from workshop_kit.engine.containers import Running
from workshop_kit.engine.labels import are_ours
from workshop_kit.engine.session import Session
from workshop_kit.engine.spec import service_in
from workshop_kit.engine.stack import Stack
from workshop_kit.errors import WorkshopError, WrongUsage
from workshop_kit.faults.catalog import Mechanism, named
from workshop_kit.faults.journal import ActiveFault, Endpoint, Journal, Snapshot

Where = Stack | Running
LIMITS = ("Memory", "MemorySwap", "NanoCpus")


@dataclass(frozen=True)
class FaultContext:
    """One fault with its target, and the other active faults on the same target, oldest first."""

    session: Session
    journal: Journal
    container: Any
    active: ActiveFault
    others: tuple[ActiveFault, ...]

    def also(self, *mechanisms: Mechanism) -> list[ActiveFault]:
        """Return the other faults on this target that use one of these mechanisms."""
        return [other for other in self.others if named(other.fault).mechanism in mechanisms]

    def state(self) -> dict[str, Any]:
        """Ask the engine for the state of the target."""
        self.container.reload()
        return dict(self.container.attrs["State"])


def target(where: Where, service: str | None) -> Any:
    """Return the container that ``where`` and ``service`` name, as it is now.

    Raises WrongUsage if it is not named, WorkshopError if this workspace did not make it, or if it does not run.
    """
    if isinstance(where, Stack):
        if service is None:
            raise WrongUsage("The stack has several containers.", 'Name one: fault("pause", stack, "redis")')
        container = where.container(service)
    elif service is not None:
        raise WrongUsage(f"{where.name} is one container, which has no service {service!r}.", "Leave the name away.")
    else:
        container = where.container
    try:
        container.reload()
    except NotFound as gone:
        raise WorkshopError(f"The container {name_of(container)} is gone.", "Start it again first.") from gone
    _require_ours(where.session, container)
    if not container.attrs["State"]["Running"]:
        state = container.attrs["State"]["Status"]
        raise WorkshopError(f"{name_of(container)} is not running ({state}).", "Start it again first.")
    return container


def name_of(container: Any) -> str:
    """Return the name of the container's service, else the container's own."""
    return str(service_in(container.labels) or container.name)


def snapshot(container: Any) -> Snapshot:
    """Return the container's networks and limits, as they are in its attributes."""
    attributes = container.attrs
    networks = {
        network: Endpoint(
            # Engines before 25 list the short id here, which every endpoint gets by itself.
            Aliases=[alias for alias in endpoint["Aliases"] or [] if alias != container.id[:12]],
            **{key: endpoint.get(key) for key in ("Links", "IPAMConfig", "DriverOpts")},
        )
        for network, endpoint in attributes["NetworkSettings"]["Networks"].items()
    }
    return Snapshot(networks=networks, limits={key: attributes["HostConfig"][key] for key in LIMITS})


def attached(container: Any) -> dict[str, Any]:
    """Ask the engine for the container's endpoints, by the network's name. Raises NotFound if it is gone.

    By name, since the endpoint of a stopped container may have no network id.
    """
    container.reload()
    return dict(container.attrs["NetworkSettings"]["Networks"])


def attach(session: Session, container: Any, network: str, endpoint: Endpoint) -> None:
    """Connect a container to a network, unless it is connected or the network is gone."""
    if network not in attached(container):
        with contextlib.suppress(NotFound):
            body = {"Container": container.id, "EndpointConfig": endpoint.model_dump()}
            post(session, f"/networks/{network}/connect", body)


def detach(session: Session, container: Any, network: str) -> None:
    """Disconnect a container from a network, if it is connected."""
    if network in attached(container):
        post(session, f"/networks/{network}/disconnect", {"Container": container.id, "Force": True})


def post(session: Session, path: str, body: Mapping[str, Any]) -> None:
    """Send a request for which the SDK has no call. Raises docker's APIError or NotFound."""
    api = session.engine.client.api
    api._raise_for_status(api._post_json(api._url(path), data=dict(body)))


def refusal(error: APIError) -> str:
    """Return the engine's reason for an error, without a full stop."""
    return str(error.explanation or error).strip().rstrip(".")


def _require_ours(session: Session, container: Any) -> None:
    """Require the ledger *and* the label, as clean-up does: a label alone can be forged."""
    listed = any(entry.kind == "container" and entry.id == container.id for entry in session.ledger.entries())
    if not listed or not are_ours(container.labels, session.identity.session):
        raise WorkshopError(
            f"{container.name} is not a container that this workspace made: faults touch nothing else.",
            "Name a service of the stack (stack.up() starts it), or what run() returned.",
        )
