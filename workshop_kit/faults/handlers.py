"""How each fault is injected and reverted: by calls of the engine, or by a proxy in the target's place.

A revert leaves the other active faults of the same target in force, so that faults nest and end in any order. It may
run twice, or after an injection that failed half-way. All faults stand in this one file, a pair of functions each.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from docker.errors import APIError, NotFound

from workshop_kit.engine import containers, markers, recipes
from workshop_kit.engine.client_containers import freeze
from workshop_kit.engine.container_spec import Spec
from workshop_kit.engine.containers import Running
from workshop_kit.engine.labels import SESSION
from workshop_kit.engine.session import Session
from workshop_kit.errors import WorkshopError
from workshop_kit.faults.active_fault import ActiveFault, NetworkEndpoint
from workshop_kit.faults.catalog import find_fault
from workshop_kit.host import MIB
from workshop_kit.paths import CHECKOUT

PROXY_PROGRAM = ("python3", "-I", "-S", "/usr/local/lib/workshop/proxy.py")
PROXY_MEMORY_BYTES = 64 * MIB
PROXY_OF = "workshop.proxy_of"
"""The label of a proxy: the full id of the container in whose place it stands."""


@dataclass(frozen=True)
class FaultContext:
    """One fault with its target, and the other active faults on the same target, oldest first."""

    session: Session
    container: Any
    active: ActiveFault
    others: tuple[ActiveFault, ...]

    def others_using(self, *mechanisms: str) -> list[ActiveFault]:
        """Return the other faults on this target that use one of these mechanisms."""
        return [other for other in self.others if find_fault(other.fault).mechanism in mechanisms]

    def state(self) -> dict[str, Any]:
        """Ask the engine for the state of the target."""
        self.container.reload()
        return dict(self.container.attrs["State"])


def pause(context: FaultContext) -> None:
    """Pause the target, unless it is paused."""
    if not context.state()["Paused"]:
        freeze(context.container.pause)


def unpause(context: FaultContext) -> None:
    """Unpause the target, unless another fault or a cell pauses it."""
    is_held = context.others_using("pause") or markers.has_cell(context.session, context.container.id)
    if not is_held and context.state()["Paused"]:
        context.container.unpause()


def kill(context: FaultContext) -> None:
    """Send SIGKILL."""
    context.container.kill()


def stop(context: FaultContext) -> None:
    """Send SIGTERM, and SIGKILL after the grace period."""
    context.container.stop(timeout=context.active.parameters["grace_seconds"])


def start(context: FaultContext) -> None:
    """Start the target, unless another fault stops it; pause it again if another fault pauses it."""
    if context.others_using("kill", "stop"):
        return

    if not context.state()["Running"]:
        context.container.start()
    if context.others_using("pause"):
        pause(context)


def disconnect(context: FaultContext) -> None:
    """Disconnect the target from every network."""
    for network in context.active.before.networks:
        detach(context.session, context.container, network)


def reconnect(context: FaultContext) -> None:
    """Connect the target again, unless another fault disconnects it; without its names if a proxy has them."""
    if context.others_using("disconnect"):
        return

    for network, endpoint in context.active.before.networks.items():
        own_endpoint = _without_names(endpoint) if context.others_using("proxy") else endpoint
        attach(context.session, context.container, network, own_endpoint)


def lower_limits(context: FaultContext) -> None:
    """Lower the limits. Raises WorkshopError for one that is higher than the former limit, or below what is used."""
    limits = _limits_asked_for(context.active.parameters)
    for key, limit in limits.items():
        _check_is_lower(context, key, limit)

    try:
        _update_limits(context, limits)
    except APIError as error:
        if "Memory" not in limits or "memory" not in str(error.explanation):
            raise
        sentence = f"{context.active.name} uses more than {limits['Memory'] / MIB:g} MiB of memory now."
        raise WorkshopError(sentence, "Ask for a higher limit.") from error


def _check_is_lower(context: FaultContext, key: str, limit: int) -> None:
    """Raise WorkshopError if a limit is higher than the target's limit before its first fault, or if it had none."""
    former_limit = context.active.before.limits.get(key, 0)
    if 0 < limit <= former_limit:
        return

    former_text = f"{former_limit:,}" if former_limit else "no limit"
    raise WorkshopError(
        f"{context.active.name} has {former_text} for {key}, and {limit:,} is not lower.",
        "Ask for a lower limit.",
    )


def restore_limits(context: FaultContext) -> None:
    """Set the limits that the other faults ask for, or else the former ones; start the target if it was killed."""
    limits = dict(context.active.before.limits)
    for other in context.others_using("limits"):
        limits |= _limits_asked_for(other.parameters)
    _update_limits(context, limits)
    start(context)  # the kernel may have killed it for its memory


def add_proxy(context: FaultContext) -> None:
    """Give the target's names to a proxy, which applies the fault. Neither clients nor their settings change.

    A proxy that runs already, for another fault, applies both. Raises WorkshopError for a target without names,
    networks or TCP ports: no client would reach the proxy.
    """
    faults = [*context.others_using("proxy"), context.active]
    running_proxy = find_proxy(context.session, context.container.id)
    proxy = running_proxy or _start_proxy(context)
    _configure(proxy, faults)
    if running_proxy is None:
        _give_names(context, proxy)


def remove_proxy(context: FaultContext) -> None:
    """End the fault; after the last such fault the target gets its names back and the proxy is removed."""
    proxy = find_proxy(context.session, context.container.id)
    other_faults = context.others_using("proxy")
    if other_faults:
        if proxy is not None:
            _configure(proxy, other_faults)
        return

    if not context.others_using("disconnect"):
        for network, endpoint in context.active.before.networks.items():
            _return_names(context, network, endpoint, proxy)
    if proxy is not None:
        proxy.remove()


Handler = Callable[[FaultContext], None]
HANDLERS: Mapping[str, tuple[Handler, Handler]] = {
    "pause": (pause, unpause),
    "kill": (kill, start),
    "stop": (stop, start),
    "disconnect": (disconnect, reconnect),
    "limits": (lower_limits, restore_limits),
    "proxy": (add_proxy, remove_proxy),
}
"""The functions that inject a fault and revert it, by mechanism."""


def _limits_asked_for(parameters: Mapping[str, Any]) -> dict[str, int]:
    """Return the limits that a fault asks for, by the engine's names: bytes, and billionths of a core."""
    limits = {}
    if parameters["memory_mib"] is not None:
        memory_bytes = int(parameters["memory_mib"] * MIB)
        limits["Memory"] = memory_bytes
        limits["MemorySwap"] = memory_bytes  # of both together: no swap is left
    if parameters["cpus"] is not None:
        limits["NanoCpus"] = int(parameters["cpus"] * 1e9)
    return limits


def _update_limits(context: FaultContext, limits: Mapping[str, int]) -> None:
    """Set the target's limits, if one of them differs. A limit that was never set is 0, and is left as it is."""
    positive_limits = {key: limit for key, limit in limits.items() if limit}
    host_config = context.container.attrs["HostConfig"]
    if any(host_config[key] != limit for key, limit in positive_limits.items()):
        post(context.session, f"/containers/{context.container.id}/update", positive_limits)


def _without_names(endpoint: NetworkEndpoint) -> NetworkEndpoint:
    return endpoint.model_copy(update={"Aliases": []})


def _client_names(context: FaultContext, endpoint: NetworkEndpoint) -> list[str]:
    """Return the target's names in a network, except the container's own, which a proxy cannot take over."""
    return [alias for alias in endpoint.Aliases if alias != context.container.name]


def find_proxy(session: Session, target: str) -> Running | None:
    """Return the running proxy before a container (its full id); None without one."""
    filters = {"label": [f"{PROXY_OF}={target}", f"{SESSION}={session.identity.workspace_id}"]}
    for container in session.engine.client.containers.list(filters=filters, ignore_removed=True):
        return Running(session, container)
    return None


def _start_proxy(context: FaultContext) -> Running:
    """Start a proxy for the target's TCP ports in its first network.

    Raises WorkshopError if the target has no such port, or no name for clients.
    """
    networks = context.active.before.networks
    container = context.container
    exposed_ports = container.attrs["Config"].get("ExposedPorts") or {}
    tcp_ports = [port.split("/")[0] for port in exposed_ports if "/tcp" in port]
    if not _has_client_names(context) or not tcp_ports:
        raise WorkshopError(
            f"No proxy can stand before {context.active.name}: it has no name on its network, or no port that its "
            "image declares.",
            "Use a service of the stack, or pause, stop, disconnect.",
        )

    spec = Spec(
        recipes.tags(CHECKOUT)["fault_proxy"],
        command=("serve", container.id[:12], *tcp_ports),
        network=next(iter(networks)),
        memory_bytes=PROXY_MEMORY_BYTES,
        labels={PROXY_OF: container.id},
    )
    return containers.run(context.session, spec)


def _has_client_names(context: FaultContext) -> bool:
    """Return whether the target is connected to all of its networks, at least one, and has a name in each."""
    networks = context.active.before.networks
    endpoints = attached(context.container)
    for network, endpoint in networks.items():
        if network not in endpoints or not _client_names(context, endpoint):
            return False
    return bool(networks)


def _give_names(context: FaultContext, proxy: Running) -> None:
    """Give the target's names to the proxy.

    The proxy is connected first and so gets the target's old address. Its kernel then resets the connections that
    clients still have to that address, and the clients look the name up again.
    """
    for network, endpoint in context.active.before.networks.items():
        detach(context.session, proxy.container, network)
        detach(context.session, context.container, network)
        attach(context.session, proxy.container, network, NetworkEndpoint(Aliases=_client_names(context, endpoint)))
        attach(context.session, context.container, network, _without_names(endpoint))


def _return_names(context: FaultContext, network: str, endpoint: NetworkEndpoint, proxy: Running | None) -> None:
    """Give the target its names in a network back, and disconnect the proxy from it.

    The target gets the proxy's address: its kernel resets the connections that clients still have to the proxy.
    A target that has its names already is left as it is.
    """
    present_endpoint = attached(context.container).get(network)
    if present_endpoint is not None:
        present_names = present_endpoint["Aliases"] or []
        if set(endpoint.Aliases).issubset(present_names):
            return

    detach(context.session, context.container, network)
    if proxy is not None:
        detach(context.session, proxy.container, network)
    attach(context.session, context.container, network, endpoint)


def _configure(proxy: Running, faults: list[ActiveFault]) -> None:
    """Make the proxy apply these faults and no others. Raises WorkshopError as `tell` does."""
    tell(proxy, [{"name": active.fault, **active.parameters} for active in faults])


def tell(proxy: Running, faults: Sequence[Mapping[str, Any]]) -> None:
    """Make a proxy apply these faults, by name and parameters, and no others; retry while it starts.

    Raises WorkshopError if it does not take them.
    """
    command = (*PROXY_PROGRAM, "tell", json.dumps(faults))

    def are_taken() -> bool:
        return proxy.exec(*command).exit_code == 0

    proxy.wait_for(are_taken, goal="take the fault")


def attached(container: Any) -> dict[str, Any]:
    """Ask the engine for the container's endpoints, by the network's name. Raises NotFound if the container is gone.

    The keys are names, since the endpoint of a stopped container may have no network id.
    """
    container.reload()
    return dict(container.attrs["NetworkSettings"]["Networks"])


def attach(session: Session, container: Any, network: str, endpoint: NetworkEndpoint) -> None:
    """Connect a container to a network, unless it is connected or the network is gone."""
    if network in attached(container):
        return

    body = {"Container": container.id, "EndpointConfig": endpoint.model_dump()}
    with contextlib.suppress(NotFound):
        post(session, f"/networks/{network}/connect", body)


def detach(session: Session, container: Any, network: str) -> None:
    """Disconnect a container from a network, if it is connected."""
    if network in attached(container):
        post(session, f"/networks/{network}/disconnect", {"Container": container.id, "Force": True})


def post(session: Session, path: str, body: Mapping[str, Any]) -> None:
    """Send a request for which the SDK has no call. Raises docker's APIError or NotFound."""
    api = session.engine.client.api
    api._raise_for_status(api._post_json(api._url(path), data=dict(body)))
