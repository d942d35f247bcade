"""How a container ended after SIGTERM: what the checks that stop one share."""

from __future__ import annotations

KILLED_BY_SIGTERM = 143
INITS = ("tini", "docker-init", "dumb-init", "catatonit")
"""Programs that a container may have as process 1, before the service."""


def is_good_end(process_1: str, code: int | None) -> bool:
    """Return whether a container ended by itself: with exit code 0, or with 143 behind an init.

    uvicorn stops gracefully and then raises the signal again, which kills it unless it is process 1.
    """
    path, _, _ = process_1.partition(" ")
    _, _, program = path.rpartition("/")
    return code == 0 or (code == KILLED_BY_SIGTERM and program in INITS)
