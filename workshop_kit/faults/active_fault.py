"""An active fault, as its marker describes it, and the state of its target before its first fault."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from typing import Any

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError, model_validator

from workshop_kit.engine import markers
from workshop_kit.engine.markers import CELL, Marker
from workshop_kit.engine.session import Session
from workshop_kit.errors import WorkshopError
from workshop_kit.faults.catalog import find_fault

LIMITS = ("Memory", "MemorySwap", "NanoCpus")


class _StrictRecord(BaseModel):
    """A part of a marker's label; unknown keys and values of another type are errors."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")


class NetworkEndpoint(_StrictRecord):
    """What the engine needs to connect a container to a network again, in the engine's own names."""

    Aliases: list[str]
    Links: Any = None
    IPAMConfig: Any = None
    DriverOpts: Any = None


class TargetState(_StrictRecord):
    """What faults change of a container: its endpoints by network, and its limits by the engine's names."""

    networks: dict[str, NetworkEndpoint]
    limits: dict[str, int]


def snapshot(container: Any) -> TargetState:
    """Return the container's networks and limits, as they are in its attributes."""
    endpoints = container.attrs["NetworkSettings"]["Networks"]
    networks = {network: _endpoint(container, settings) for network, settings in endpoints.items()}

    host_config = container.attrs["HostConfig"]
    limits = {key: host_config[key] for key in LIMITS}
    return TargetState(networks=networks, limits=limits)


def _endpoint(container: Any, settings: Mapping[str, Any]) -> NetworkEndpoint:
    """Return the part of an endpoint in ``docker inspect`` that connects the container again."""
    # Engines before 25 list the container's short id here, which the engine adds to every endpoint.
    aliases = [alias for alias in settings["Aliases"] or [] if alias != container.id[:12]]
    further_settings = {key: settings.get(key) for key in ("Links", "IPAMConfig", "DriverOpts")}
    return NetworkEndpoint(Aliases=aliases, **further_settings)


class ActiveFault(_StrictRecord):
    """A fault that is in force.

    ``container`` is the target's full id, ``name`` its service, ``before`` its state before its first fault.
    ``marker`` is the marker that holds all of that in a label, None before there is one.
    """

    fault: str
    parameters: dict[str, Any]
    container: str
    name: str
    before: TargetState
    since: AwareDatetime
    marker: Marker | None = Field(default=None, exclude=True)

    @property
    def id(self) -> str:
        """The id of its marker; "" before there is one."""
        return self.marker.id if self.marker else ""

    @property
    def maker(self) -> str:
        """The process that will revert the fault; "" before there is a marker."""
        return self.marker.maker if self.marker else ""

    @model_validator(mode="after")
    def _is_in_the_catalog(self) -> ActiveFault:
        """Raise ValueError, as pydantic asks for, if the catalog has no such fault or parameter."""
        try:
            find_fault(self.fault).complete_parameters(self.parameters)
        except WorkshopError as error:
            raise ValueError(error.what) from error
        return self


def find(session: Session) -> list[ActiveFault]:
    """Return the active faults of this workspace, oldest first; a marker that cannot be read is left out."""
    faults = []
    for marker in markers.find(session):
        if marker.fault == CELL:
            continue
        with contextlib.suppress(ValidationError):
            active = ActiveFault.model_validate_json(marker.details)
            faults.append(active.model_copy(update={"marker": marker}))
    return sorted(faults, key=lambda active: active.since)


def mark(session: Session, active: ActiveFault) -> ActiveFault:
    """Make the marker of a fault, before it is injected. Raises WorkshopError if the engine refuses."""
    marker = markers.mark(session, active.fault, active.container, active.name, active.model_dump_json())
    return active.model_copy(update={"marker": marker})
