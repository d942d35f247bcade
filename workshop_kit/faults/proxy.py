"""The faults of the network: a proxy container that answers to the target's names and passes its bytes on, or not.

The clients' configuration and the clients themselves stay as they are, nothing is restarted. The target is taken off
its network and put back without its names (its short id stays), and the proxy gets the names. In between the proxy
takes the address that became free: the kernel there knows nothing of the connections that clients still hold to the
target, and resets them, so that clients look the name up again instead of waiting for answers that cannot come.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Mapping
from typing import Any

from docker.errors import APIError, NotFound

from workshop_kit.engine import containers, images
from workshop_kit.engine.containers import Running
from workshop_kit.engine.session import Session
from workshop_kit.engine.spec import Spec
from workshop_kit.errors import WorkshopError
from workshop_kit.faults.endpoints import attach, attached, detach
from workshop_kit.faults.journal import Open
from workshop_kit.faults.targets import Case
from workshop_kit.paths import CHECKOUT

PROGRAM = ("python3", "-I", "-S", "/usr/local/lib/workshop/proxy.py")
MEMORY_BYTES = 64 * 1024 * 1024


def step_in(case: Case) -> None:
    """Put the fault in force, in the proxy that is there already or in a new one.

    Raises WorkshopError for a target without names, networks or TCP ports: nobody would come to the proxy.
    """
    standing = _standing(case)
    proxy = standing or _start(case)
    case.journal.note_proxy(case.entry, proxy.id)
    if standing is None:
        proxy.wait_until(lambda: proxy.exec(*PROGRAM, "tell", "[]").exit_code == 0, what="listen")
    _tell(proxy, [*case.also("proxy"), case.entry])
    if standing is None:
        _swap(case, proxy)


def step_aside(case: Case) -> None:
    """End the fault; with the last of them the target gets its names back and the proxy goes."""
    proxy = _standing(case)
    if others := case.also("proxy"):
        if proxy is not None:
            _tell(proxy, others)
        return
    if not case.also("disconnect"):
        for network, endpoint in case.entry.before["networks"].items():
            _give_back(case, network, endpoint, proxy)
    if proxy is not None:
        proxy.remove()


def discard(session: Session, entry: Open) -> None:
    """Remove the proxy of a target that is gone."""
    if entry.proxy:
        with contextlib.suppress(NotFound):
            containers.remove(session, session.engine.client.containers.get(entry.proxy))


def unnamed(endpoint: Mapping[str, Any]) -> dict[str, Any]:
    """The same endpoint without names of its own."""
    return {**endpoint, "Aliases": []}


def _standing(case: Case) -> Running | None:
    """The proxy that stands before this target, if one runs."""
    for identifier in {entry.proxy for entry in (case.entry, *case.also("proxy")) if entry.proxy}:
        with contextlib.suppress(NotFound):
            container = case.session.engine.client.containers.get(identifier)
            if container.status == "running":
                return Running(case.session, container)
    return None


def _start(case: Case) -> Running:
    networks = case.entry.before["networks"]
    ports = [port.split("/")[0] for port in case.container.attrs["Config"].get("ExposedPorts") or {} if "/tcp" in port]
    now = attached(case.container)
    if not ports or not all(_names(case, endpoint) and network in now for network, endpoint in networks.items()):
        raise WorkshopError(
            f"No proxy can stand before {case.entry.name}: it has no name on its network, or no port that its image "
            "declares.",
            "Use a service of the stack, or pause, stop, disconnect.",
        )
    spec = Spec(
        images.tags(CHECKOUT)["fault_proxy"],
        command=("serve", case.container.id[:12], *ports),
        network=next(iter(networks)),
        memory_bytes=MEMORY_BYTES,
    )
    return containers.run(case.session, spec)


def _swap(case: Case, proxy: Running) -> None:
    """Let the proxy have the target's names. It comes first, so that it gets the address that is free."""
    for network, endpoint in case.entry.before["networks"].items():
        detach(case.session, proxy.container, network)
        detach(case.session, case.container, network)
        attach(case.session, proxy.container, network, {"Aliases": _names(case, endpoint)})
        attach(case.session, case.container, network, unnamed(endpoint))


def _give_back(case: Case, network: str, endpoint: Mapping[str, Any], proxy: Running | None) -> None:
    """Give the target its names again. Now it comes first, and resets what clients held with the proxy."""
    now = attached(case.container).get(network)
    if now is not None and set(endpoint["Aliases"]) <= set(now["Aliases"] or []):
        return
    detach(case.session, case.container, network)
    if proxy is not None:
        detach(case.session, proxy.container, network)
    attach(case.session, case.container, network, endpoint)


def _names(case: Case, endpoint: Mapping[str, Any]) -> list[str]:
    """Names that others use for the target; its container's own name it cannot lose."""
    return [alias for alias in endpoint["Aliases"] if alias != case.container.name]


def _tell(proxy: Running, entries: list[Open]) -> None:
    faults = [{"name": entry.fault, **entry.parameters} for entry in entries]
    try:
        said = proxy.exec(*PROGRAM, "tell", json.dumps(faults))
    except APIError as error:
        raise WorkshopError(f"The fault proxy cannot be told anything: {error.explanation}.") from error
    if said.exit_code != 0:
        raise WorkshopError("The fault proxy did not take the fault.", output=said.output)
