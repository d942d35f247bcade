"""How a container ended after SIGTERM: what the checks that stop one share."""

from __future__ import annotations

from workshop_kit.trials import service_trial

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


def stop_failure(process_1: str, code: int | None) -> str:
    """Return the key of the way in which a stop failed, by process 1 and the exit code (None: it still ran)."""
    if code == KILLED_BY_SIGTERM:
        return "killed"
    if code is not None:
        return "crashed"

    return "shell" if service_trial.is_shell(process_1) else "deaf"


def describe_stop(process_1: str, code: int | None) -> str:
    """Return the observation for the finding on a stop: process 1 and the exit code (None: it still ran)."""
    end = "it still ran" if code is None else f"exit code {code}"
    return f"process 1 is `{process_1}`; {end}"
