"""What the collector is told, all of it in its environment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

SESSION_LABEL = "workshop.session"
COLLECT_LABEL = "workshop.collect"
"""A container that carries it is for the collector of that name alone. ``no`` is nobody's: so are the collector's own
lines, which would never end.
"""
ENVIRONMENT_LABEL = "workshop.environment"
SERVICE_LABELS = ("com.docker.compose.service", "workshop.service")
DEFAULT_ENVIRONMENT = "workshop"

TALK = Path("/tmp/collector")  # noqa: S108  # a tmpfs of the container's own: where its processes leave word
PARTS, CHECKPOINT = "parts", "checkpoint.json"


class Unusable(Exception):
    """Something the person who starts the container can put right; the message is one sentence."""


@dataclass(frozen=True)
class Settings:
    """``source`` is the engine's folder of containers, or its socket; ``folder`` is what must outlive the container."""

    session: str
    endpoint: str
    bucket: str
    key_id: str
    key: str = field(repr=False)
    source: Path = Path("/engine")
    folder: Path = Path("/var/lib/collector")
    name: str = ""
    flush_seconds: float = 1.0
    buffer_bytes: int = 256 * 1024 * 1024


def read(environment: Mapping[str, str]) -> Settings:
    """Return the settings. Raises Unusable with the first variable that is missing or cannot be used."""
    try:
        seconds = float(environment.get("COLLECTOR_FLUSH_SECONDS") or 1)
        size = int(environment.get("COLLECTOR_BUFFER_BYTES") or Settings.buffer_bytes)
        if not 0 < seconds <= 60 or size <= 0:
            raise ValueError
    except ValueError:
        raise Unusable("COLLECTOR_FLUSH_SECONDS is 0 to 60, COLLECTOR_BUFFER_BYTES a number above 0.") from None
    return Settings(
        session=_needed(environment, "WORKSHOP_SESSION"),
        endpoint=_needed(environment, "COLLECTOR_ENDPOINT"),
        bucket=_needed(environment, "COLLECTOR_BUCKET"),
        key_id=_needed(environment, "COLLECTOR_KEY_ID"),
        key=_key(_needed(environment, "COLLECTOR_KEY_FILE")),
        name=environment.get("COLLECTOR_NAME", ""),
        flush_seconds=seconds,
        buffer_bytes=size,
    )


def is_for(told: Settings, labels: Mapping[str, str]) -> bool:
    """Whether the lines of a container with these labels are this collector's."""
    return labels.get(SESSION_LABEL) == told.session and labels.get(COLLECT_LABEL, told.name) == told.name


def _needed(environment: Mapping[str, str], name: str) -> str:
    value = environment.get(name, "")
    if not value:
        raise Unusable(f"{name} is not set: give it in the container's environment.")
    return value


def _key(path: str) -> str:
    try:
        return Path(path).read_text(encoding="ascii").strip()
    except (OSError, UnicodeError):
        raise Unusable(f"COLLECTOR_KEY_FILE names {path}, which cannot be read: mount a file of ASCII text.") from None
