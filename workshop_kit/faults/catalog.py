"""The catalog of faults: what each does, and its parameters; and an active fault as data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, model_validator

from workshop_kit.errors import WorkshopError, WrongUsage, did_you_mean

LIMITS = ("Memory", "MemorySwap", "NanoCpus")
Value = float | int | bool | None
# How a fault is injected: by the engine on the container itself, or by a proxy in the container's place.
Mechanism = Literal["pause", "kill", "stop", "disconnect", "limits", "proxy"]


@dataclass(frozen=True)
class FaultParameter:
    """A parameter of a fault, with its range in its unit.

    A ``default`` of None leaves the value unchanged. The default's type (bool, int, float) is the parameter's type.
    """

    name: str
    unit: str
    default: Value
    at_least: float = 0
    at_most: float = 1

    def check(self, fault: str, value: Any) -> Any:
        """Return the value. Raises WrongUsage with the range for a wrong one."""
        if value is None and self.default is None:
            return None
        if isinstance(self.default, bool):
            is_good, wanted = isinstance(value, bool), "True or False"
        else:
            kinds, kind = ((int,), "a whole number") if isinstance(self.default, int) else ((int, float), "a number")
            is_good = type(value) in kinds and self.at_least <= value <= self.at_most  # NaN is in no range
            wanted = f"{kind} from {self.at_least:g} to {self.at_most:g} {self.unit}".rstrip()
        if not is_good:
            sentence = f"{self.name} of the fault {fault!r} is {wanted}, and {value!r} is not."
            raise WrongUsage(sentence, "Correct it and try again.")
        return value


@dataclass(frozen=True)
class Fault:
    """A fault by name; ``does`` says what happens to the target."""

    name: str
    does: str
    mechanism: Mechanism
    parameters: tuple[FaultParameter, ...] = ()
    one_of: tuple[str, ...] = ()  # at least one of these has to be given

    def complete(self, given: Mapping[str, object]) -> dict[str, Value]:
        """Return every parameter with its value, given or default. Raises WrongUsage for a wrong name or value."""
        known = {parameter.name: parameter for parameter in self.parameters}
        for name in given:
            if name not in known:
                takes = ", ".join(known) or "nothing"
                raise WrongUsage(
                    f"The fault {self.name!r} takes no {name!r}; it takes {takes}.", did_you_mean(name, known)
                )
        values = {name: one.check(self.name, given.get(name, one.default)) for name, one in known.items()}
        if self.one_of and all(values[name] is None for name in self.one_of):
            raise WrongUsage(f"The fault {self.name!r} changes nothing.", f"Give it {' or '.join(self.one_of)}.")
        return values


def named(name: str) -> Fault:
    """Return the fault of that name. Raises WrongUsage with all names."""
    if name not in FAULTS:
        raise WrongUsage(f"There is no fault {name!r}; there are {', '.join(FAULTS)}.", did_you_mean(name, FAULTS))
    return FAULTS[name]


def _milliseconds(name: str, default: int) -> FaultParameter:
    return FaultParameter(name, "ms", float(default), at_most=60_000)


_ALL = (
    Fault(
        "pause",
        "Freezes every process: connections stay open, new ones are accepted by the kernel, nothing answers.",
        "pause",
    ),
    Fault("kill", "SIGKILL: gone at once, nothing is saved, connections are reset.", "kill"),
    Fault(
        "stop",
        "SIGTERM, then SIGKILL after the grace period, as at every deploy.",
        "stop",
        (FaultParameter("grace_seconds", "s", 10, at_most=60),),
    ),
    Fault(
        "disconnect",
        "Takes it off every network: it runs, reaches no other container, and its name is unknown to them.",
        "disconnect",
    ),
    Fault(
        "limits",
        "Lowers the limits on memory or CPU while it runs: throttled, or killed for want of memory.",
        "limits",
        (
            FaultParameter("memory_mib", "MiB", None, at_least=6, at_most=1_048_576),
            FaultParameter("cpus", "cores", None, at_least=0.01, at_most=512),
        ),
        one_of=("memory_mib", "cpus"),
    ),
    Fault(
        "latency",
        "Every answer comes later, by a fixed time give or take the jitter.",
        "proxy",
        (_milliseconds("latency_ms", 300), _milliseconds("jitter_ms", 0)),
    ),
    Fault("down", "Nothing listens: new connections are refused, open ones are reset.", "proxy"),
    Fault("refuse", "New connections are refused, open ones go on.", "proxy"),
    Fault(
        "reset",
        "Connections are made and then reset (RST), the open ones at once.",
        "proxy",
        (_milliseconds("after_ms", 0),),
    ),
    Fault(
        "half_open",
        "Connections are made and never answered; with backlog_full they are not even made, nor refused.",
        "proxy",
        (FaultParameter("backlog_full", "", False),),
    ),
    Fault(
        "bandwidth",
        "Each connection passes only so much a second, in each direction.",
        "proxy",
        (FaultParameter("kib_per_second", "KiB/s", 10.0, at_least=0.1, at_most=1_000_000),),
    ),
    Fault("slow_close", "The close of a connection arrives late.", "proxy", (_milliseconds("pause_ms", 3000),)),
    Fault(
        "slicer",
        "Data comes in small pieces with pauses between, in each direction.",
        "proxy",
        (FaultParameter("slice_bytes", "bytes", 16, at_least=1, at_most=16_384), _milliseconds("pause_ms", 10)),
    ),
)
FAULTS: Mapping[str, Fault] = {fault.name: fault for fault in _ALL}
"""Every fault by its name."""


class _Line(BaseModel):
    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")


class NetworkEndpoint(_Line):
    """What the engine needs to connect a container to a network again, in the engine's own names."""

    Aliases: list[str]
    Links: Any = None
    IPAMConfig: Any = None
    DriverOpts: Any = None


class TargetState(_Line):
    """What faults change of a container: its endpoints by network, and its limits by the engine's names."""

    networks: dict[str, NetworkEndpoint]
    limits: dict[str, int]


def snapshot(container: Any) -> TargetState:
    """Return the container's networks and limits, as they are in its attributes."""
    attributes = container.attrs
    networks = {
        network: NetworkEndpoint(
            # Engines before 25 list the short id here, which every endpoint gets by itself.
            Aliases=[alias for alias in endpoint["Aliases"] or [] if alias != container.id[:12]],
            **{key: endpoint.get(key) for key in ("Links", "IPAMConfig", "DriverOpts")},
        )
        for network, endpoint in attributes["NetworkSettings"]["Networks"].items()
    }
    return TargetState(networks=networks, limits={key: attributes["HostConfig"][key] for key in LIMITS})


class ActiveFault(_Line):
    """A fault that is in force.

    ``container`` is the target's full id, ``name`` what people call it, ``before`` the target before its first fault.
    ``maker`` is the process that will revert the fault, ``proxy`` the id of the proxy container, if there is one.
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
        try:
            named(self.fault).complete(self.parameters)
        except WorkshopError as error:
            raise ValueError(error.what) from error
        return self
