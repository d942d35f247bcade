"""The faults that the service can have inside, and the numbers each takes."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Parameter:
    """One parameter of a fault: its unit, its default and its range."""

    unit: str
    default: float
    at_least: float
    at_most: float


@dataclass(frozen=True)
class ServiceFault:
    """What a fault does, and its parameters by name."""

    does: str
    parameters: Mapping[str, Parameter]


REQUESTS = Parameter("of the requests", 1.0, 0.01, 1.0)
FAULTS: Mapping[str, ServiceFault] = {
    "latency": ServiceFault("Answers come later.", {"ms": Parameter("ms", 300, 1, 60_000), "share": REQUESTS}),
    "errors": ServiceFault("Requests end with an unexpected error, 500.", {"share": REQUESTS}),
    "hang": ServiceFault("Requests get no answer until the fault is undone.", {"share": REQUESTS}),
    "refuse": ServiceFault("Requests are refused at once, 503.", {"share": REQUESTS}),
    "leak": ServiceFault(
        "Memory is taken, and not given back until the fault is undone.",
        {"mib_per_second": Parameter("MiB/s", 10, 0.1, 1024), "at_most_mib": Parameter("MiB", 64, 1, 4096)},
    ),
    "burn": ServiceFault(
        "A thread computes, and the rest waits its turn.", {"share": Parameter("of a core", 1.0, 0.01, 1.0)}
    ),
}
