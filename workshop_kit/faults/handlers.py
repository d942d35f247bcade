"""How faults are made: each a pair of *strike* and *heal*.

``heal`` looks at the other faults in force on the same target and leaves them in force, so that faults nest and may
end in any order. It may run twice, or after a strike that got only half-way.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from workshop_kit.errors import WorkshopError
from workshop_kit.faults import proxy
from workshop_kit.faults.catalog import Mechanism
from workshop_kit.faults.endpoints import attach, detach, post
from workshop_kit.faults.targets import Case

MIB = 1024 * 1024


@dataclass(frozen=True)
class Pair:
    """How a fault is put in force and how it is undone."""

    strike: Callable[[Case], None]
    heal: Callable[[Case], None]


def pause(case: Case) -> None:
    """Freeze it."""
    if not _state(case)["Paused"]:
        case.container.pause()


def unpause(case: Case) -> None:
    """Let it go on, unless another fault holds it."""
    if not case.also("pause") and _state(case)["Paused"]:
        case.container.unpause()


def kill(case: Case) -> None:
    """SIGKILL."""
    case.container.kill()


def stop(case: Case) -> None:
    """SIGTERM, and SIGKILL once its grace has run out."""
    case.container.stop(timeout=case.entry.parameters["grace_seconds"])


def start(case: Case) -> None:
    """Start it, unless another fault wants it down; freeze it again where another fault had frozen it."""
    if case.also("kill", "stop"):
        return
    if not _state(case)["Running"]:
        case.container.start()
    if case.also("pause"):
        pause(case)


def disconnect(case: Case) -> None:
    """Take it off every network."""
    for network in case.entry.before["networks"]:
        detach(case.session, case.container, network)


def reconnect(case: Case) -> None:
    """Put it back, under its own names or, while a proxy answers to those, without any."""
    if case.also("disconnect"):
        return
    for network, endpoint in case.entry.before["networks"].items():
        attach(case.session, case.container, network, proxy.unnamed(endpoint) if case.also("proxy") else endpoint)


def tighten(case: Case) -> None:
    """Lower its limits. Raises WorkshopError for a limit that is not lower, or was never set."""
    asked, before = _limits(case.entry.parameters), case.entry.before["limits"]
    for key, value in asked.items():
        if not 0 < value <= before[key]:
            has = f"{before[key]:,}" if before[key] else "no limit"
            raise WorkshopError(
                f"{case.entry.name} has {has} for {key}, and {value:,} is not lower.", "Ask for a lower limit."
            )
    _update(case, asked)


def loosen(case: Case) -> None:
    """Give it the limits that the other faults ask for, else those it had; start it if it died of the lower ones."""
    limits = dict(case.entry.before["limits"])
    for other in case.also("limits"):
        limits |= _limits(other.parameters)
    _update(case, limits)
    start(case)


def _limits(parameters: Mapping[str, Any]) -> dict[str, int]:
    """The limits that a fault asks for, in the engine's words: bytes, and billionths of a core."""
    limits = {}
    if parameters["memory_mib"] is not None:
        limits["Memory"] = limits["MemorySwap"] = int(parameters["memory_mib"] * MIB)  # no swap beside it
    if parameters["cpus"] is not None:
        limits["NanoCpus"] = int(parameters["cpus"] * 1e9)
    return limits


def _update(case: Case, limits: Mapping[str, int]) -> None:
    # To the engine 0 means "as it is"; what had no limit was never given one.
    wanted = {key: value for key, value in limits.items() if value}
    if wanted and any(case.container.attrs["HostConfig"][key] != value for key, value in wanted.items()):
        post(case.session, f"/containers/{case.container.id}/update", wanted)


def _state(case: Case) -> dict[str, Any]:
    case.container.reload()
    return dict(case.container.attrs["State"])


MECHANISMS: Mapping[Mechanism, Pair] = {
    "pause": Pair(pause, unpause),
    "kill": Pair(kill, start),
    "stop": Pair(stop, start),
    "disconnect": Pair(disconnect, reconnect),
    "limits": Pair(tighten, loosen),
    "proxy": Pair(proxy.step_in, proxy.step_aside),
}
