"""Names of log levels, from the least to the most severe; each group means the same."""

from __future__ import annotations

LEVELS = (
    ("trace",),
    ("debug",),
    ("info", "notice"),
    ("warning", "warn"),
    ("error", "err"),
    ("critical", "fatal", "panic", "dpanic"),
)
"""Names of levels, from the least to the most severe; those that mean the same stand together."""
