"""The kinds of sign that the debrief of an incident can name, found by its words."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Literal

Sign = Literal["configuration", "logs", "metrics", "health", "customers", ""]
SIGNS: Mapping[Sign, tuple[str, ...]] = {
    "configuration": (
        "release",
        "released",
        "config",
        "configuration",
        "configured",
        "setting",
        "deploy",
        "deployed",
        "deploying",
        "deployment",
        "compare",
        "compared",
    ),
    "logs": ("log", "logged", "logging", "line", "traceback"),
    "metrics": (
        "metric",
        "chart",
        "dashboard",
        "graph",
        "latency",
        "p95",
        "cpu",
        "memory",
        "throttle",
        "throttled",
        "throttling",
    ),
    "health": ("health", "healthy", "unhealthy", "healthcheck", "probe", "probed", "readyz", "livez"),
    "customers": ("customer", "visit", "visited", "visiting", "visitor"),
}
"""The kinds of sign, each with the words of a debrief that name it; a plural with s counts as its singular."""
WORD = re.compile(r"[^\W_]+")
"""Matches a run of letters and digits: `memory` in `memory_bytes`, and not `line` in `offline`."""


def sign_named_in(debrief: str) -> Sign:
    """Return the first kind of sign that a debrief names; "" for none. Only this word leaves the laptop.

    >>> sign_named_in("The log lines stopped, then the chart fell.")
    'logs'
    """
    for word in WORD.findall(debrief.lower()):
        singular = word.removesuffix("s")
        for sign, names in SIGNS.items():
            if singular in names:
                return sign
    return ""
