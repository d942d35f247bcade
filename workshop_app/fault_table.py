"""The faults that the service can have inside, and the numbers each takes."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Number:
    """One parameter of a fault: its unit, its default and its range."""

    unit: str
    default: float
    at_least: float
    at_most: float


@dataclass(frozen=True)
class Fault:
    """What a fault does, and its parameters by name."""

    does: str
    takes: Mapping[str, Number]


REQUESTS = Number("of the requests", 1.0, 0.01, 1.0)
FAULTS: Mapping[str, Fault] = {
    "latency": Fault("Answers come later.", {"ms": Number("ms", 300, 1, 60_000), "share": REQUESTS}),
    "errors": Fault("Requests end with an unexpected error, 500.", {"share": REQUESTS}),
    "hang": Fault("Requests get no answer until the fault is undone.", {"share": REQUESTS}),
    "refuse": Fault("Requests are refused at once, 503.", {"share": REQUESTS}),
    "leak": Fault(
        "Memory is taken, and not given back until the fault is undone.",
        {"mib_per_second": Number("MiB/s", 10, 0.1, 1024), "at_most_mib": Number("MiB", 64, 1, 4096)},
    ),
    "burn": Fault("A thread computes, and the rest waits its turn.", {"share": Number("of a core", 1.0, 0.01, 1.0)}),
}
