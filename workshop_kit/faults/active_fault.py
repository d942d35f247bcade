"""The journal's record of an active fault, and the state of its target before its first fault."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import AwareDatetime, BaseModel, ConfigDict, model_validator

from workshop_kit.errors import WorkshopError
from workshop_kit.faults.catalog import find_fault

LIMITS = ("Memory", "MemorySwap", "NanoCpus")


class _StrictRecord(BaseModel):
    """A record of the journal, or a part of one; unknown keys and values of another type are errors."""

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
    ``maker`` is the process that will revert the fault, ``proxy`` the id of the proxy container, or "" without one.
    """

    id: str
    fault: str
    parameters: dict[str, Any]
    container: str
    name: str
    before: TargetState
    maker: str
    since: AwareDatetime
    proxy: str = ""

    @model_validator(mode="after")
    def _is_in_the_catalog(self) -> ActiveFault:
        """Raise ValueError, as pydantic asks for, if the catalog has no such fault or parameter."""
        try:
            find_fault(self.fault).complete_parameters(self.parameters)
        except WorkshopError as error:
            raise ValueError(error.what) from error
        return self
