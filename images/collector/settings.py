"""The collector's settings, from its environment."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

REQUIRED = ("WORKSHOP_SESSION", *(f"COLLECTOR_{name}" for name in ("ENDPOINT", "BUCKET", "KEY_ID", "KEY_FILE")))
SESSION_LABEL = "workshop.session"
COLLECT_LABEL = "workshop.collect"
"""It names the only collector that lines are for; ``no`` is none: the collector's own would never end."""


@dataclass(frozen=True)
class Settings:
    """``source`` is the engine's folder of containers, or its socket; ``folder`` is a volume that is kept."""

    session: str
    endpoint: str
    bucket: str
    key_id: str
    key: str = field(repr=False)
    name: str = ""
    flush_seconds: float = 1.0
    buffer_bytes: int = 256 * 1024 * 1024
    source: Path = Path("/engine")
    folder: Path = Path("/var/lib/collector")

    def collects(self, labels: Mapping[str, str]) -> bool:
        """Whether the lines of a container with these labels are this collector's."""
        return labels.get(SESSION_LABEL) == self.session and labels.get(COLLECT_LABEL, self.name) == self.name


def read_settings(environment: Mapping[str, str]) -> Settings:
    """Return the settings. Raises ValueError or OSError for one that is missing or wrong."""
    if missing := [name for name in REQUIRED if not environment.get(name)]:
        raise ValueError(f"{', '.join(missing)} is not set: give it in the container's environment.")
    session, endpoint, bucket, key_id, key_file = (environment[name] for name in REQUIRED)
    return Settings(
        *(session, endpoint, bucket, key_id),
        key=Path(key_file).read_text(encoding="ascii").strip(),
        name=environment.get("COLLECTOR_NAME", Settings.name),
        flush_seconds=float(environment.get("COLLECTOR_FLUSH_SECONDS", Settings.flush_seconds)),
        buffer_bytes=int(environment.get("COLLECTOR_BUFFER_BYTES", Settings.buffer_bytes)),
    )
