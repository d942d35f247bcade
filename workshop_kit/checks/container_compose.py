"""The limits of the service in compose.yaml, as Compose reads them."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from workshop_kit.patience import patient
from workshop_kit.trials.check_api import CheckEnded
from workshop_kit.trials.findings import findings
from workshop_kit.trials.result import Finding, Result
from workshop_kit.trials.trial import SMALL_LOG
from workshop_kit.trials.yaml_problem import yaml_finding

SAYS = findings("container.limits")
FILE = "compose.yaml"
SERVICE = "my-service"
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
"""The keys that limit a service, each with those that it may belong to."""
OTHER_FILES = {"include", "extends", "env_file", "label_file"}
"""Keys with which a compose file makes Compose read other files."""
COMPOSE_VARIABLES = ("PATH", "HOME", "DOCKER_CONFIG")
COMPOSE_SECONDS = 30.0


def read(folder: Path, *, is_closed: bool = False) -> dict[str, Any]:
    """Return the limits of the service in compose.yaml as fields of `Spec`. Raises CheckEnded if Compose refuses it.

    Compose runs on this machine: with ``is_closed``, for files of others, it gets none that names further files, and no
    variables of this process.
    """
    environment = None
    if is_closed:
        _require_no_other_files((folder / FILE).read_text())
        environment = {name: os.environ[name] for name in COMPOSE_VARIABLES if name in os.environ}

    compose = _run_compose(folder, environment)
    if compose.returncode != 0:
        raise _not_readable_error(_refusal_finding((folder / FILE).read_text(), _last_line(compose.stderr, folder)))
    return limits_in(json.loads(compose.stdout))


def _run_compose(folder: Path, environment: Mapping[str, str] | None) -> subprocess.CompletedProcess[str]:
    """Let Compose read compose.yaml in a folder, with these variables or this process's. Raises CheckEnded if late."""
    command = ["docker", "compose", "--project-name", "check", "--file", FILE, "config", "--format", "json"]
    try:
        return subprocess.run(
            command,
            cwd=folder,
            capture_output=True,
            text=True,
            check=False,
            env=environment,
            timeout=patient(COMPOSE_SECONDS),
        )
    except subprocess.TimeoutExpired as error:
        raise _refusal_error(f"Compose was not done after {error.timeout:.0f} s") from error


def _require_no_other_files(text: str) -> None:
    """Raise CheckEnded for a compose file that names others: Compose would read them, also from a network."""
    try:
        events = list(yaml.parse(text, yaml.SafeLoader))
    except yaml.YAMLError as error:
        problem = getattr(error, "problem", None) or str(error).partition("\n")[0]
        raise _not_readable_error(_refusal_finding(text, problem)) from error

    tags = [getattr(event, "tag", None) for event in events]
    explicit_tags = [tag for tag in tags if tag]
    if explicit_tags:
        raise _refusal_error(
            f"{explicit_tags[0]} may stand for another word, which is not read when work of others is graded"
        )

    scalars = {event.value for event in events if isinstance(event, yaml.ScalarEvent)}
    keys = sorted(scalars & OTHER_FILES)
    if keys:
        raise _refusal_error(f"{keys[0]} names another file, which is not read when work of others is graded")


def _refusal_error(reason: str) -> CheckEnded:
    return _not_readable_error(SAYS.failed("file.refused", reason, reason=reason))


def _last_line(error_text: str, folder: Path) -> str:
    """Return the last line of what Compose wrote to stderr, without this machine's paths."""
    line = error_text.strip().rpartition("\n")[2].replace(f"{folder}/", "")
    return re.sub(r"^.*?(?=yaml:|validating|services\.|service )", "", line).strip().rstrip(".")


def _refusal_finding(text: str, reason: str) -> Finding:
    """Return the finding for a text of compose.yaml that Compose refuses."""
    finding = yaml_finding(FILE, text, reason, PARENTS)
    if finding is None:
        finding = SAYS.failed("file.refused", reason, reason=reason)
    return finding


def limits_in(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return the limits in the output of ``docker compose config``. Raises CheckEnded if the service is missing."""
    service = (document.get("services") or {}).get(SERVICE)
    if service is None:
        raise _not_readable_error(SAYS.failed("file.no-service", "another service, or none", service=SERVICE))

    deploy = service.get("deploy") or {}
    resources = deploy.get("resources") or {}
    deploy_limits = resources.get("limits") or {}

    memory_bytes = int(service.get("mem_limit") or deploy_limits.get("memory") or 0)
    cpus = float(service.get("cpus") or deploy_limits.get("cpus") or 0)
    pids = int(service.get("pids_limit") or deploy_limits.get("pids") or 0)
    swap = service.get("memswap_limit")
    host: dict[str, Any] = {"LogConfig": SMALL_LOG}
    if swap:
        host["MemorySwap"] = int(swap)

    return {
        "memory_bytes": memory_bytes or None,
        "cpus": cpus or None,
        "pids": pids if pids > 0 else None,
        "read_only": bool(service.get("read_only")),
        "tmpfs": dict(_folder_in_memory(entry) for entry in service.get("tmpfs") or ()),
        "host": host,
    }


def _folder_in_memory(entry: str) -> tuple[str, str]:
    """Return the path and the options of an entry of ``tmpfs``: ``/tmp:size=16m``."""
    path, _, options = entry.partition(":")
    return path, options


def _not_readable_error(finding: Finding) -> CheckEnded:
    return CheckEnded(Result.not_readable(finding.means, finding))
