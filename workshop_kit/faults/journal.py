"""The journal of faults: a line of JSON for each active fault, on disk before it is injected, removed once reverted.

A process that dies leaves its lines behind: the next lesson's start, ``down`` or the reaper reverts those faults.
The newest reverted faults stand in a second file, for the bands of charts.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from pydantic import AwareDatetime, BaseModel, ConfigDict, model_validator
from pydantic.dataclasses import dataclass

from workshop_kit.engine.records import RecordFile
from workshop_kit.engine.session import Session
from workshop_kit.errors import WorkshopError
from workshop_kit.faults.catalog import named

PAST_KEPT = 200
LIMITS = ("Memory", "MemorySwap", "NanoCpus")


class _Line(BaseModel):
    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")


class Endpoint(_Line):
    """What the engine needs to connect a container to a network again, in the engine's own names."""

    Aliases: list[str]
    Links: Any = None
    IPAMConfig: Any = None
    DriverOpts: Any = None


class Snapshot(_Line):
    """What faults change of a container: its endpoints by network, and its limits by the engine's names."""

    networks: dict[str, Endpoint]
    limits: dict[str, int]


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
    before: Snapshot
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


@dataclass
class InjectedFault:
    """A fault as it happened, with its id in the journal; ``ended`` (UTC) is None while it is in force."""

    fault: str
    target: str
    parameters: dict[str, Any]
    started: datetime
    ended: datetime | None = None
    id: str = ""

    def __str__(self) -> str:
        until = f" until {self.ended:%H:%M:%S}" if self.ended else ""
        details = "".join(f", {name} {value}" for name, value in self.parameters.items() if value is not None)
        return f"{self.fault} of {self.target}{details}, from {self.started:%H:%M:%S}{until} UTC"


class Journal(RecordFile[ActiveFault]):
    """The active faults of one workspace, in a file beside its ledger; the newest past ones in a second file."""

    def __init__(self, session: Session) -> None:
        super().__init__(session.ledger.path.with_name("faults.jsonl"), ActiveFault, "fault")
        self._past = RecordFile(self.path.with_name("faults-past.jsonl"), InjectedFault, "fault")

    def entries(self) -> list[ActiveFault]:
        """Return the active faults, oldest first."""
        return self.read()[0]

    def past(self) -> list[InjectedFault]:
        """Return the newest faults that are over, by their end, oldest first."""
        return self._past.read()[0]

    def set_proxy(self, active: ActiveFault, proxy: str) -> None:
        """Write down which container takes the target's place."""
        self.write(one.model_copy(update={"proxy": proxy}) if one.id == active.id else one for one in self.entries())

    def remove(self, active: ActiveFault) -> None:
        """Move a reverted fault to the past ones."""
        over = InjectedFault(active.fault, active.name, active.parameters, active.since, datetime.now(UTC))
        self._past.write([*self.past(), over][-PAST_KEPT:])
        self.write(one for one in self.entries() if one.id != active.id)
