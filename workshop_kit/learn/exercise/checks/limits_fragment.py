"""Read limits as compose.yaml writes them: data, and only data."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import yaml

from workshop_kit.errors import WrongUsage

UNITS = {"": 1, "k": 1024, "m": 1024**2, "g": 1024**3}
KEYS = ("mem_limit", "cpus", "pids_limit", "mem_reservation", "cpu_shares")


@dataclass(frozen=True)
class Limits:
    """What a fragment asks for; None where it does not. ``cpus`` in cores; the last two are wishes, no limits."""

    memory_bytes: int | None = None
    cpus: float | None = None
    pids: int | None = None
    memory_wish_bytes: int | None = None
    cpu_shares: int | None = None


class _PlainLoader(yaml.SafeLoader):
    """YAML without anchors: a few lines of them can stand for gigabytes."""

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.AliasEvent):
            raise yaml.YAMLError
        return super().compose_node(parent, index)


def read(text: str) -> Limits:
    """The limits that ``services: service:`` sets. Raises WrongUsage with one sentence."""
    given = service_of(plain_yaml(text))
    if unknown := [str(key) for key in given if key not in KEYS]:
        raise WrongUsage(
            f"The key {unknown[0][:40]!r} is none of those that limit a service here.", f"Use {', '.join(KEYS[:3])}."
        )
    return Limits(
        memory_bytes=_bytes("mem_limit", given.get("mem_limit")),
        cpus=_number("cpus", given.get("cpus")),
        pids=_whole("pids_limit", given.get("pids_limit")),
        memory_wish_bytes=_bytes("mem_reservation", given.get("mem_reservation")),
        cpu_shares=_whole("cpu_shares", given.get("cpu_shares")),
    )


def plain_yaml(text: str) -> Any:
    """What a YAML text says, as lists, mappings, text and numbers. Raises WrongUsage with one sentence."""
    try:
        return yaml.load(text, _PlainLoader)  # noqa: S506  # a SafeLoader
    except yaml.MarkedYAMLError as error:
        line = f" in line {error.problem_mark.line + 1}" if error.problem_mark else ""
        raise WrongUsage(
            f"This is no YAML{line}: {error.problem}.", "Look at the colons and the indentation."
        ) from None
    except (yaml.YAMLError, ValueError, RecursionError):
        raise WrongUsage(
            "This is no YAML that can be read here.", "Write plain keys, numbers and words, without anchors (&, *)."
        ) from None


def service_of(document: Any) -> dict[Any, Any]:
    """What stands under ``services: service:``. Raises WrongUsage with one sentence if anything else is there."""
    found = document
    for key in ("services", "service"):
        if not isinstance(found, dict) or set(found) != {key}:
            raise WrongUsage("It should hold services:, in it service:, and nothing else.", "Reset the exercise.")
        found = found[key]
    if found is None:
        return {}
    if not isinstance(found, dict):
        raise WrongUsage("Under service: there should be one 'key: value' a line.", "Write mem_limit: and its value.")
    return found


def _bytes(key: str, value: Any) -> int | None:
    """``96m``, ``0.5g``, ``96 MiB`` or a number of bytes; 0 is no limit, as it is to the engine."""
    form = re.fullmatch(r"(\d{1,15}(?:\.\d{1,9})?)\s*([kmg]?)(?:i?b)?", str(value).lower())
    if value is None:
        return None
    if form is None or isinstance(value, bool):
        raise WrongUsage(f"{key}: {str(value)[:40]!r} is no amount of memory.", "Write it like 100m, for 100 MiB.")
    return int(float(form[1]) * UNITS[form[2]]) or None


def _number(key: str, value: Any) -> float | None:
    if value is None:
        return None
    if isinstance(value, bool) or not re.fullmatch(r"\d{1,6}(\.\d{1,9})?", str(value)):
        raise WrongUsage(f"{key}: {str(value)[:40]!r} is no number of cores.", "Write it like 1.5, for one and a half.")
    return float(str(value)) or None


def _whole(key: str, value: Any) -> int | None:
    if value is None or value == -1:
        return None
    if isinstance(value, bool) or not re.fullmatch(r"\d{1,9}", str(value)):
        raise WrongUsage(f"{key}: {str(value)[:40]!r} is no whole number.", "Write it like 50.")
    return int(str(value)) or None
