"""What a fault may touch: running containers of our own session, and nothing else."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from docker.errors import NotFound

from workshop_kit.engine.containers import Running
from workshop_kit.engine.labels import are_ours
from workshop_kit.engine.session import Session
from workshop_kit.engine.spec import service_in
from workshop_kit.engine.stack import Stack
from workshop_kit.errors import WorkshopError, WrongUsage
from workshop_kit.faults.catalog import Mechanism, named
from workshop_kit.faults.journal import Journal, Open

Where = Stack | Running
LIMITS = ("Memory", "MemorySwap", "NanoCpus")


@dataclass(frozen=True)
class Case:
    """One fault, its target, and the other faults that are in force on the same target, oldest first."""

    session: Session
    journal: Journal
    container: Any
    entry: Open
    others: tuple[Open, ...]

    def also(self, *mechanisms: Mechanism) -> list[Open]:
        """The other faults on this target that are made in one of these ways."""
        return [other for other in self.others if named(other.fault).mechanism in mechanisms]


def target(where: Where, service: str | None) -> Any:
    """Return the container, as it is now, that ``where`` and ``service`` name.

    Raises WorkshopError if it is not ours, gone, or not running; WrongUsage if it is not named.
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
    """What people call it: its service's name, else the container's own."""
    return str(service_in(container.labels) or container.name)


def snapshot(container: Any) -> dict[str, Any]:
    """What faults may change, as it is now: networks by name, each with what connecting again takes, and limits."""
    attributes = container.attrs
    networks = {
        network: {
            # Engines before 25 list the short id here, which every endpoint gets by itself.
            "Aliases": [alias for alias in endpoint["Aliases"] or [] if alias != container.id[:12]],
            **{key: endpoint.get(key) for key in ("Links", "IPAMConfig", "DriverOpts")},
        }
        for network, endpoint in attributes["NetworkSettings"]["Networks"].items()
    }
    return {"networks": networks, "limits": {key: attributes["HostConfig"][key] for key in LIMITS}}


def _require_ours(session: Session, container: Any) -> None:
    """In the ledger *and* labeled, as for clean-up: a label alone can be forged."""
    listed = any(entry.kind == "container" and entry.id == container.id for entry in session.ledger.entries())
    if not listed or not are_ours(container.labels, session.identity.session):
        raise WorkshopError(
            f"{container.name} is not a container that this workspace made: faults touch nothing else.",
            "Name a service of the stack (stack.up() starts it), or what run() returned.",
        )
