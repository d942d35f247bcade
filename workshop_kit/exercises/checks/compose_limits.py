"""Read what a participant's compose.yaml says about limits, as Compose itself understands it."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workshop_kit.errors import WrongUsage

FILE = "compose.yaml"
SERVICE = "my-service"
DEADLINE_SECONDS = 20


@dataclass(frozen=True)
class Limits:
    """What the service may use; None where the file sets no limit.

    ``swap_bytes`` is what it may use of memory and swap together. The two wishes are no limits. ``tmpfs`` lists folders
    in memory.
    """

    memory_bytes: int | None = None
    swap_bytes: int | None = None
    cpus: float | None = None
    pids: int | None = None
    read_only: bool = False
    tmpfs: tuple[str, ...] = ()
    memory_wish_bytes: int = 0
    cpu_shares: int = 0


def read(folder: Path) -> Limits:
    """The limits of the service in ``folder/compose.yaml``. Raises WrongUsage with what Compose says against it."""
    command = ["docker", "compose", "--project-name", "check", "--file", FILE, "config", "--format", "json"]
    try:
        done = subprocess.run(
            command, cwd=folder, capture_output=True, text=True, check=False, timeout=DEADLINE_SECONDS
        )
    except subprocess.TimeoutExpired:
        raise WrongUsage("Compose did not finish reading compose.yaml.", "Write plain keys and values.") from None
    if done.returncode != 0:
        raise WrongUsage(_plain(done.stderr, folder), "Run `docker compose config` in my_service to see it yourself.")
    return limits(json.loads(done.stdout))


def limits(document: Mapping[str, Any]) -> Limits:
    """The limits in the output of ``docker compose config --format json``. Raises WrongUsage if the service is none."""
    services = document.get("services") or {}
    service = services.get(SERVICE) or (next(iter(services.values())) if len(services) == 1 else None)
    if service is None:
        raise WrongUsage(f"compose.yaml has no service {SERVICE}.", f"Name it {SERVICE}, below services.")
    deployed = ((service.get("deploy") or {}).get("resources") or {}).get("limits") or {}
    memory = service.get("mem_limit") or deployed.get("memory")
    cpus = service.get("cpus") or deployed.get("cpus")
    pids = service.get("pids_limit") or deployed.get("pids")
    tmpfs = service.get("tmpfs") or ()
    return Limits(
        memory_bytes=int(memory) if memory else None,
        swap_bytes=int(service["memswap_limit"]) if service.get("memswap_limit") else None,
        cpus=float(cpus) if cpus else None,
        pids=int(pids) if pids and int(pids) > 0 else None,
        read_only=bool(service.get("read_only")),
        tmpfs=(tmpfs,) if isinstance(tmpfs, str) else tuple(tmpfs),
        memory_wish_bytes=int(service.get("mem_reservation") or 0),
        cpu_shares=int(service.get("cpu_shares") or 0),
    )


def _plain(said: str, folder: Path) -> str:
    """What Compose says last, without this machine's paths, as one sentence."""
    lines = [line for line in said.replace(f"{folder}/", "").splitlines() if line.strip()]
    text = re.sub(r"^.*?(?=yaml:|validating|services\.|service )", "", lines[-1]) if lines else "Compose refuses it"
    return f"Compose refuses compose.yaml: {text.strip().rstrip('.')}."
