"""What a trial is started from: the settings and secrets of the stack's service, and bounds for what runs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from workshop_kit.engine.stack import Stack
from workshop_kit.errors import WorkshopError
from workshop_kit.progress import Report, Step, silent

APP, SECRETS = "/app", "/run/secrets"
PORT = 8080
MEMORY_BYTES = 256 * 1024 * 1024
PIDS = 100
SMALL_LOG = {"Type": "json-file", "Config": {"max-size": "1m", "max-file": "2"}}
NO_HEALTHCHECK = {"Test": ["NONE"]}  # the engine would run it inside, where a fork bomb leaves no room for it


def ensure_up(stack: Stack, report: Report = silent) -> None:
    """Bring the stack up if a part of it is missing or stopped. Raises WorkshopError if a part of it is paused."""
    status = {name: container.status for name, container in stack.containers().items()}
    if paused := sorted(name for name, state in status.items() if state == "paused"):
        raise WorkshopError(f"{', '.join(paused)} is paused, so nothing can be checked.", "Take that fault back first.")
    if "service" not in status or any(state != "running" for state in status.values()):
        report(Step("Check", None, "the check needs the stack: bringing it up"))
        stack.up(report=report)


def secrets_of(service: Any) -> dict[str, str]:
    """The secrets that compose mounts into the service: the path inside, and the text."""
    mounts = [mount for mount in service.attrs["Mounts"] if mount["Type"] == "bind"]
    return {
        mount["Destination"]: Path(mount["Source"]).read_text()
        for mount in mounts
        if mount["Destination"].startswith(f"{SECRETS}/")
    }
