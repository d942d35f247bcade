"""Read a health check as compose.yaml writes it, and turn it into the engine's words."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from workshop_kit.errors import WrongUsage
from workshop_kit.learn.exercise.checks.yaml_fragment import plain_yaml, service_of

TIMES = ("interval", "timeout", "start_period", "start_interval")
KEYS = ("test", *TIMES, "retries")
UNITS = {"us": 1_000, "ms": 1_000_000, "s": 1_000_000_000, "m": 60_000_000_000, "h": 3_600_000_000_000}
PART = re.compile(r"(\d{1,6}(?:\.\d{1,6})?)(us|ms|s|m|h)")
SHORTEST_NANOSECONDS = 1_000_000  # the engine refuses less


@dataclass(frozen=True)
class HealthCheck:
    """What a fragment asks for; ``engine`` in the engine's own words, with times in nanoseconds."""

    engine: dict[str, Any]

    @property
    def seconds(self) -> dict[str, float]:
        """The times that are set, in seconds, by their name in compose."""
        return {name: self.engine[_engines(name)] / 1e9 for name in TIMES if _engines(name) in self.engine}


def read(text: str) -> HealthCheck:
    """The health check that ``services: service: healthcheck:`` sets. Raises WrongUsage with one sentence."""
    service = service_of(plain_yaml(text))
    given = service.get("healthcheck")
    if set(service) != {"healthcheck"} or not isinstance(given, dict):
        raise WrongUsage("Under service: there should be healthcheck:, and nothing else.", "Reset the exercise.")
    if unknown := [str(key) for key in given if key not in KEYS]:
        raise WrongUsage(f"The key {unknown[0][:40]!r} is none that a health check has.", f"Use {', '.join(KEYS)}.")
    engine: dict[str, Any] = {"Test": _test(given.get("test"))}
    for name in TIMES:
        if name in given:
            engine[_engines(name)] = _nanoseconds(name, given[name])
    if "retries" in given:
        engine["Retries"] = _whole(given["retries"])
    return HealthCheck(engine)


def _engines(name: str) -> str:
    """``start_period`` is ``StartPeriod`` to the engine."""
    return "".join(part.capitalize() for part in name.split("_"))


def _test(value: Any) -> list[str]:
    """A list that begins with CMD or CMD-SHELL; a text is for the shell."""
    if isinstance(value, str) and value.strip():
        return ["CMD-SHELL", value]
    words = [str(word) for word in value] if isinstance(value, list) else []
    if len(words) < 2 or words[0] not in {"CMD", "CMD-SHELL"}:
        raise WrongUsage("test: names no program to run.", "Write it like [CMD, program, argument].")
    return words


def _nanoseconds(name: str, value: Any) -> int:
    """``1s``, ``1m30s``, ``250ms``."""
    text = str(value)
    parts = PART.findall(text)
    if not parts or "".join(number + unit for number, unit in parts) != text:
        raise WrongUsage(f"{name}: {text[:40]!r} is no time.", "Write it like 5s or 250ms.")
    total = int(sum(float(number) * UNITS[unit] for number, unit in parts))
    if total < SHORTEST_NANOSECONDS:
        raise WrongUsage(f"{name}: {text[:40]!r} is shorter than 1ms.", "Write it like 5s or 250ms.")
    return total


def _whole(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= 100:
        raise WrongUsage(f"retries: {str(value)[:40]!r} is no number of tries.", "Write it like 3.")
    return value
