"""The record that stands where loss cannot be excluded."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime

from .records import Identity, made
from .words import now, say


@dataclass(frozen=True)
class Gap:
    """Between two times lines may be missing; empty times are unknown. ``reason`` is a sentence for people."""

    reason: str
    since: str = ""
    until: str = ""


def record(gap: Gap, identity: Identity) -> tuple[str, bytes]:
    """The gap as a record of the engine's, with whose it is, and its hour; it is said on stdout, too."""
    more = {"service": identity.service, "container": identity.container[:12], "reason": gap.reason}
    more |= {"from": gap.since or None, "to": gap.until or now()}  # type: ignore[dict-item]
    say("error", "GAP", **more)
    line = {"ts": now(), "level": "error", "logger": "collector", "msg": "GAP", **more}
    time = datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "000Z")
    text = made(json.dumps(line) + "\n", "stdout", time)
    attributes = b',"attrs":' + identity.attributes
    at = text.rfind(b',"time":"')
    return time[:13], text[:at] + attributes + text[at:]
