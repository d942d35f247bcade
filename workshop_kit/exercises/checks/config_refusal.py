"""What a service says that refuses to start: its exit code, and the variables that its log names."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

from workshop_kit.exercises.trial import Trial

REFUSE_SECONDS = 12.0  # it ends at once, or answers; a busy machine may take its time
LOG_LIMIT_BYTES = 64 * 1024
DATABASE = ("HOST", "NAME", "PASSWORD", "PORT", "SQL_MODE", "USER")
REQUIRED = tuple(
    sorted(
        [f"{db}_DB_{name}" for db in ("MASTER", "REPLICA") for name in DATABASE]
        + [f"REDIS_{name}" for name in ("HOST", "PASSWORD", "PORT")]
    )
)
"""The variables without which the service cannot start."""
OURS = re.compile(r"(?<![A-Z_])(?:MASTER_DB|REPLICA_DB|REDIS|HTTP|LOG)_[A-Z_]+(?<!_FILE)(?=_FILE\b|\b)")


@dataclass(frozen=True)
class Refusal:
    """How a start ended: the exit code (None: it still runs), the variables named in the log, and its lines."""

    code: int | None
    named: frozenset[str]
    lines: int
    json_lines: int

    @property
    def shown(self) -> str:
        """The same in a few words."""
        if self.code is None:
            return "it started, and runs"
        return f"exit code {self.code}; named in its log: {', '.join(sorted(self.named)[:5]) or 'no variable'}"


def wait_refused(tried: Trial) -> Refusal:
    """Wait until it has ended, or answers; what it has said by then."""
    waited = tried.left_seconds
    while (code := tried.ended) is None and waited - tried.left_seconds < REFUSE_SECONDS:
        if tried.wait_answer("/livez", within_seconds=0.05):
            break
    text = tried.lines(LOG_LIMIT_BYTES)
    lines = [line for line in text.split("\n") if line.strip()]
    return Refusal(code, frozenset(OURS.findall(text)), len(lines), sum(map(_is_json, lines)))


def _is_json(line: str) -> bool:
    try:
        return isinstance(json.loads(line), dict)
    except (ValueError, RecursionError):
        return False
