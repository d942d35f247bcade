"""How each fault is injected and reverted: by calls of the engine, or by a proxy in the target's place.

A revert leaves the other active faults of the same target in force, so that faults nest and end in any order. It may
run twice, or after an injection that failed half-way.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from docker.errors import APIError, NotFound

from workshop_kit.engine import containers, pauses, recipes
from workshop_kit.engine.containers import Running, Spec
from workshop_kit.engine.session import Session
from workshop_kit.errors import WorkshopError
from workshop_kit.faults.catalog import ActiveFault, NetworkEndpoint, named
from workshop_kit.host import MIB
from workshop_kit.paths import CHECKOUT

PROXY_PROGRAM = ("python3", "-I", "-S", "/usr/local/lib/workshop/proxy.py")
PROXY_MEMORY_BYTES = 64 * MIB


@dataclass(frozen=True)
class FaultContext:
    """One fault with its target, and the other active faults on the same target, oldest first.

    An injection may start a proxy, and calls ``record_proxy`` with its id; a revert starts none.
    """

    session: Session
    container: Any
    active: ActiveFault
    others: tuple[ActiveFault, ...]
    record_proxy: Callable[[str], None] = lambda _id: None

    def also(self, *mechanisms: str) -> list[ActiveFault]:
        """Return the other faults on this target that use one of these mechanisms."""
        return [other for other in self.others if named(other.fault).mechanism in mechanisms]

    def state(self) -> dict[str, Any]:
        """Ask the engine for the state of the target."""
        self.container.reload()
        return dict(self.container.attrs["State"])


def pause(context: FaultContext) -> None:
    """Freeze the target; `Stack.up` of other processes leaves it so while this one runs."""
    hold = pauses.Hold(context.container.id, context.active.maker, context.active.id)
    pauses.Holds(context.session).add(hold)
    _freeze(context)


def unpause(context: FaultContext) -> None:
    """Unfreeze the target, unless another fault pauses it."""
    if not context.also("pause") and context.state()["Paused"]:
        context.container.unpause()
    pauses.Holds(context.session).remove(context.container.id, context.active.id)


def kill(context: FaultContext) -> None:
    """Send SIGKILL."""
    context.container.kill()


def stop(context: FaultContext) -> None:
    """Send SIGTERM, and SIGKILL after the grace period."""
    context.container.stop(timeout=context.active.parameters["grace_seconds"])


def start(context: FaultContext) -> None:
    """Start the target, unless another fault stops it; pause it again if another fault pauses it."""
    if context.also("kill", "stop"):
        return
    if not context.state()["Running"]:
        context.container.start()
    if context.also("pause"):
        _freeze(context)


def disconnect(context: FaultContext) -> None:
    """Disconnect the target from every network."""
    for network in context.active.before.networks:
        detach(context.session, context.container, network)


def reconnect(context: FaultContext) -> None:
    """Connect the target again, with its names unless a proxy has them."""
    if context.also("disconnect"):
        return
    for network, endpoint in context.active.before.networks.items():
        own_endpoint = _unnamed(endpoint) if context.also("proxy") else endpoint
        attach(context.session, context.container, network, own_endpoint)


def lower_limits(context: FaultContext) -> None:
    """Lower the limits. Raises WorkshopError for one that is not lower than the present one, or below what is used."""
    limits = _limits(context.active.parameters)
    limits_before = context.active.before.limits
    for key, value in limits.items():
        if not 0 < value <= limits_before.get(key, 0):
            present_limit = f"{limits_before[key]:,}" if limits_before.get(key) else "no limit"
            raise WorkshopError(
                f"{context.active.name} has {present_limit} for {key}, and {value:,} is not lower.",
                "Ask for a lower limit.",
            )

    try:
        _update(context, limits)
    except APIError as error:
        if "Memory" not in limits or "memory" not in str(error.explanation):
            raise
        sentence = f"{context.active.name} uses more than {limits['Memory'] / MIB:g} MiB of memory now."
        raise WorkshopError(sentence, "Ask for a higher limit.") from error


def restore_limits(context: FaultContext) -> None:
    """Set the limits that the other faults ask for, else the former ones; start a target that was killed by them."""
    limits = dict(context.active.before.limits)
    for other in context.also("limits"):
        limits |= _limits(other.parameters)
    _update(context, limits)
    start(context)


def add_proxy(context: FaultContext) -> None:
    """Give the target's names to a proxy, which applies the fault. Neither clients nor their settings change.

    Raises WorkshopError for a target without names, networks or TCP ports: no client would reach the proxy.
    """
    running_proxy = _running_proxy(context)
    proxy = running_proxy or _start_proxy(context)
    context.record_proxy(proxy.id)

    def listens() -> bool:
        return proxy.exec(*PROXY_PROGRAM, "tell", "[]").exit_code == 0

    if running_proxy is None:
        proxy.wait_until(listens, what="listen")
    _configure(proxy, [*context.also("proxy"), context.active])
    if running_proxy is None:
        _take_names(context, proxy)


def remove_proxy(context: FaultContext) -> None:
    """End the fault; after the last one the target gets its names back and the proxy is removed."""
    proxy = _running_proxy(context)
    other_faults = context.also("proxy")
    if other_faults:
        if proxy is not None:
            _configure(proxy, other_faults)
        return

    if not context.also("disconnect"):
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
"""By mechanism: what injects a fault, and what reverts it."""


def _freeze(context: FaultContext) -> None:
    if not context.state()["Paused"]:
        context.container.pause()


def _limits(parameters: Mapping[str, Any]) -> dict[str, int]:
    """Return the limits that a fault asks for, by the engine's names: bytes, and billionths of a core."""
    limits = {}
    if parameters["memory_mib"] is not None:
        limits["Memory"] = limits["MemorySwap"] = int(parameters["memory_mib"] * MIB)  # no swap beside it
    if parameters["cpus"] is not None:
        limits["NanoCpus"] = int(parameters["cpus"] * 1e9)
    return limits


def _update(context: FaultContext, limits: Mapping[str, int]) -> None:
    # To the engine 0 means "unchanged"; a limit that was never set cannot have been lowered.
    positive_limits = {key: value for key, value in limits.items() if value}
    host_config = context.container.attrs["HostConfig"]
    if any(host_config[key] != value for key, value in positive_limits.items()):
        post(context.session, f"/containers/{context.container.id}/update", positive_limits)


def _unnamed(endpoint: NetworkEndpoint) -> NetworkEndpoint:
    return endpoint.model_copy(update={"Aliases": []})


def _names(context: FaultContext, endpoint: NetworkEndpoint) -> list[str]:
    """Return the names that clients use for the target; it cannot lose its container's own name."""
    return [alias for alias in endpoint.Aliases if alias != context.container.name]


def _running_proxy(context: FaultContext) -> Running | None:
    active_faults = (context.active, *context.also("proxy"))
    for identifier in {active.proxy for active in active_faults if active.proxy}:
        with contextlib.suppress(NotFound):
            container = context.session.engine.client.containers.get(identifier)
            if container.status == "running":
                return Running(context.session, container)
    return None


def _start_proxy(context: FaultContext) -> Running:
    networks = context.active.before.networks
    container = context.container
    exposed_ports = container.attrs["Config"].get("ExposedPorts") or {}
    ports = [port.split("/")[0] for port in exposed_ports if "/tcp" in port]
    endpoints = attached(container)
    has_names = all(_names(context, endpoint) and network in endpoints for network, endpoint in networks.items())
    if not ports or not has_names:
        raise WorkshopError(
            f"No proxy can stand before {context.active.name}: it has no name on its network, or no port that its "
            "image declares.",
            "Use a service of the stack, or pause, stop, disconnect.",
        )

    spec = Spec(
        recipes.tags(CHECKOUT)["fault_proxy"],
        command=("serve", container.id[:12], *ports),
        network=next(iter(networks)),
        memory_bytes=PROXY_MEMORY_BYTES,
    )
    return containers.run(context.session, spec)


def _take_names(context: FaultContext, proxy: Running) -> None:
    """Give the target's names to the proxy.

    The proxy is connected first and so gets the target's old address: its kernel resets the connections that clients
    still hold to it, and they look the name up again.
    """
    for network, endpoint in context.active.before.networks.items():
        detach(context.session, proxy.container, network)
        detach(context.session, context.container, network)
        attach(context.session, proxy.container, network, NetworkEndpoint(Aliases=_names(context, endpoint)))
        attach(context.session, context.container, network, _unnamed(endpoint))


def _return_names(context: FaultContext, network: str, endpoint: NetworkEndpoint, proxy: Running | None) -> None:
    """Give the target its names back; it is connected first, so that its kernel resets the connections to the proxy."""
    present_endpoint = attached(context.container).get(network)
    if present_endpoint is not None and set(endpoint.Aliases) <= set(present_endpoint["Aliases"] or []):
        return

    detach(context.session, context.container, network)
    if proxy is not None:
        detach(context.session, proxy.container, network)
    attach(context.session, context.container, network, endpoint)


def _configure(proxy: Running, faults: list[ActiveFault]) -> None:
    """Make the proxy apply these faults, in place of its former ones. Raises WorkshopError if it refuses."""
    settings = [{"name": active.fault, **active.parameters} for active in faults]
    result = proxy.exec(*PROXY_PROGRAM, "tell", json.dumps(settings))
    if result.exit_code != 0:
        raise WorkshopError("The fault proxy did not take the fault.", output=result.output)


def attached(container: Any) -> dict[str, Any]:
    """Ask the engine for the container's endpoints, by the network's name. Raises NotFound if it is gone.

    By name, since the endpoint of a stopped container may have no network id.
    """
    container.reload()
    return dict(container.attrs["NetworkSettings"]["Networks"])


def attach(session: Session, container: Any, network: str, endpoint: NetworkEndpoint) -> None:
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
