"""What is watched, and where it is now: names outlive containers, containers outlive their ports. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from workshop_kit.engine.labels import COMPOSE_PROJECT, COMPOSE_SERVICE
from workshop_kit.engine.spec import service_in

Listed = Mapping[str, Any]  # a container as the engine's GET /containers/json lists it


@dataclass(frozen=True)
class Subject:
    """One thing to watch, under ``name``: a service of a compose project (of none), or (with ``id``) one container.

    ``port`` is where it answers HTTP inside; one that does not publish it is watched without asking it anything.
    """

    name: str
    project: str = ""
    service: str = ""
    id: str = ""
    port: int = 8080

    def find(self, listed: Iterable[Listed]) -> Place | None:
        """Where it is, from all containers there are; None if there is none of it. A running one wins."""
        mine = [one for one in listed if self._is_me(one)]
        best = max(mine, key=lambda one: (one["State"] in {"running", "paused"}, one["Created"]), default=None)
        return Place(best["Id"], str(best["State"]), _url(best, self.port)) if best else None

    def _is_me(self, one: Listed) -> bool:
        if self.id:
            return bool(one["Id"] == self.id)
        labels = one.get("Labels") or {}
        return bool(labels.get(COMPOSE_PROJECT, "") == self.project and labels.get(COMPOSE_SERVICE) == self.service)


@dataclass(frozen=True)
class Place:
    """A container: its id, the engine's word for its state, and the URL it answers at, if it does."""

    id: str
    state: str
    url: str | None

    @property
    def runs(self) -> bool:
        """Whether it runs; a paused one does, it only stands still."""
        return self.state in {"running", "paused"}


def people_s_name(one: Listed) -> str:
    """What people call a container: its service, else its own name."""
    return str(service_in(one.get("Labels")) or one["Names"][0].lstrip("/"))


def _url(one: Listed, port: int) -> str | None:
    for binding in one.get("Ports") or ():
        if binding.get("PrivatePort") == port and binding.get("PublicPort") and binding.get("Type") == "tcp":
            return f"http://127.0.0.1:{binding['PublicPort']}"
    return None
