"""The panels of a timeline: which columns of the measurements are drawn together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Panel:
    """One set of axes: ``columns`` maps each drawn column of the measurements to its label."""

    title: str
    unit: str
    columns: Mapping[str, str]
    logarithmic: bool = False


REQUESTS = Panel(
    "Requests, and errors (5xx, or no answer)",
    "per second",
    {"requests_per_second": "all", "errors_per_second": "errors", "refused_per_second": "refused (4xx)"},
)
LATENCY = Panel("Latency of requests", "ms", {"p50_ms": "p50", "p95_ms": "p95", "p99_ms": "p99"}, logarithmic=True)
SHARES = Panel(
    "CPU and memory, in % of the limit (without one: of a core, of the machine)",
    "%",
    {"cpu_percent": "CPU", "memory_percent": "memory", "throttled_percent": "periods held back"},
)
PANELS = (REQUESTS, LATENCY, SHARES)
ERRORS = Panel("Requests that failed (5xx, or no answer)", "%", {"error_percent": "of all requests"})
P95 = Panel("95 % of requests were faster than", "ms", {"p95_ms": "p95"}, logarithmic=True)
