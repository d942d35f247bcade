"""A line of the service's log, as the audience sees it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self

from workshop_kit.observe.logs.lines import Line, level_group, parse_fields
from workshop_kit.observe.scrape import PROBES
from workshop_kit.untrusted_text import visible

MOST_CHARACTERS = 200
"""Of a value that is shown."""
HIDDEN_FIELDS = {"ts", "level", "logger", "caller", "msg", "request_id", "out", "method", "path", "stack"}
"""Fields of a line that say nothing to an audience, or stand elsewhere on the page."""


@dataclass(frozen=True)
class LogLine:
    """A line with the time at which the engine received it; ``fields`` is empty for one that is no JSON object."""

    time: datetime
    fields: Mapping[str, Any]

    @classmethod
    def of(cls, line: Line) -> Self:
        """Return a line of the engine's log."""
        return cls(datetime.fromisoformat(line.received or ""), parse_fields(line.text).fields)

    @property
    def request_id(self) -> str:
        """The id of the request to which the line belongs; "" for none."""
        return str(self.fields.get("request_id", ""))

    @property
    def grade(self) -> str:
        """``error``, ``warning`` or ``other``. A failed request is an error, as in the metrics; a probe has its level.

        >>> from datetime import UTC
        >>> LogLine(datetime.now(UTC), {"level": "warning", "status": 503, "route": "/orders"}).grade
        'error'
        """
        status = self.fields.get("status", 200)
        failed = status is None or (isinstance(status, int) and status >= 500)
        if failed and str(self.fields.get("route")) not in PROBES:
            return "error"
        level = level_group(self.fields.get("level"))
        return level if level in {"error", "warning"} else "other"

    def state(self) -> dict[str, Any]:
        """Return the line as plain data for JSON, with unsafe characters escaped; ``details`` are pairs."""
        details = [(name, value) for name, value in self.fields.items() if name not in HIDDEN_FIELDS]
        return {
            "grade": self.grade,
            "message": _shown(self.fields.get("msg", "")),
            "details": [(_shown(name), _shown(value)) for name, value in details],
        }


def _shown(value: object) -> str:
    return visible(str(value), MOST_CHARACTERS)
