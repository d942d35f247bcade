"""The limits of the service in compose.yaml, as Compose reads them."""

from __future__ import annotations

import json
import re
import subprocess
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from workshop_kit.patience import patient
from workshop_kit.trials.expect import Observation, require
from workshop_kit.trials.trial import SMALL_LOG
from workshop_kit.trials.yaml_problem import yaml_finding

FILE = "compose.yaml"
SERVICE = "my-service"
COMMAND = ("docker", "compose", "--project-name", "check", "--file", FILE, "config", "--format", "json")
COMPOSE_SECONDS = 30.0
OF_SERVICE = frozenset({SERVICE})
OF_LIMITS = frozenset({"limits", "reservations"})
PARENTS = {
    **dict.fromkeys(("mem_limit", "mem_reservation", "memswap_limit", "cpu_shares", "pids_limit"), OF_SERVICE),
    **dict.fromkeys(("read_only", "tmpfs", "deploy"), OF_SERVICE),
    "cpus": OF_SERVICE | OF_LIMITS,
    "memory": OF_LIMITS,
    "pids": OF_LIMITS,
    "limits": frozenset({"resources"}),
    "resources": frozenset({"deploy"}),
}
"""The keys that limit a service, each with the keys under which it may stand."""


def read(folder: Path) -> dict[str, Any]:
    """Require a compose.yaml that Compose reads, with the service in it; return its limits as fields of `Spec`."""
    began = time.monotonic()
    config, reason = run_compose(folder)
    means = f"Compose refuses {FILE}: {reason}."
    look = "Run `docker compose config` in my_service to see it yourself."
    mistake = yaml_finding(FILE, (folder / FILE).read_text(), reason, PARENTS) if reason else None
    if mistake:
        means = mistake.means
        look = mistake.look
    require(
        not reason,
        seen=Observation("docker compose config", reason or "it reads the file", time.monotonic() - began),
        expected="a file that Compose reads",
        means=means,
        look=look,
    )

    services = json.loads(config).get("services") or {}
    require(
        SERVICE in services,
        seen=Observation("docker compose config: which services are there?", ", ".join(services) or "none", 0.0),
        expected=SERVICE,
        means=f"{FILE} has no service {SERVICE}.",
        look=f"Name it {SERVICE}, below services.",
    )
    return limits_of(services[SERVICE])


def run_compose(folder: Path) -> tuple[str, str]:
    """Return what Compose makes of the file, as JSON, and "", or why it refuses it, without this machine's paths."""
    limit_seconds = patient(COMPOSE_SECONDS)
    try:
        compose = subprocess.run(
            COMMAND, cwd=folder, capture_output=True, text=True, check=False, timeout=limit_seconds
        )
    except subprocess.TimeoutExpired:
        return "", f"it was not done after {limit_seconds:.0f} s"
    if compose.returncode == 0:
        return compose.stdout, ""

    _, _, last_line = compose.stderr.strip().rpartition("\n")
    line = last_line.replace(f"{folder}/", "")
    reason = re.sub(r"^.*?(?=yaml:|validating|services\.|service )", "", line)
    return "", reason.strip().rstrip(".") or f"exit code {compose.returncode}"


def limits_of(service: Mapping[str, Any]) -> dict[str, Any]:
    """Return the limits of a service in the output of ``docker compose config``, as fields of `Spec`."""
    deploy = service.get("deploy") or {}
    resources = deploy.get("resources") or {}
    deploy_limits = resources.get("limits") or {}

    pids = int(service.get("pids_limit") or deploy_limits.get("pids") or 0)
    more: dict[str, Any] = {"log_config": SMALL_LOG}
    for key in ("memswap_limit", "cpu_quota", "cpu_period"):
        if service.get(key):
            more[key] = int(service[key])

    return {
        "memory_bytes": int(service.get("mem_limit") or deploy_limits.get("memory") or 0) or None,
        "cpus": float(service.get("cpus") or deploy_limits.get("cpus") or 0) or None,
        "pids": pids if pids > 0 else None,
        "read_only": bool(service.get("read_only")),
        "tmpfs": _options_by_path(service.get("tmpfs") or ()),
        "more": more,
    }


def _options_by_path(entries: Iterable[str]) -> dict[str, str]:
    """Return the options of each folder in memory, by its path; an entry is ``/tmp:size=16m``."""
    options_by_path: dict[str, str] = {}
    for entry in entries:
        path, _, options = entry.partition(":")
        options_by_path[path] = options
    return options_by_path
