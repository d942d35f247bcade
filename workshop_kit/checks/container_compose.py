"""The limits of the service in compose.yaml, as Compose reads them."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from workshop_kit.patience import patient
from workshop_kit.trials.check_api import CheckEnded
from workshop_kit.trials.findings import findings
from workshop_kit.trials.result import Finding, Result
from workshop_kit.trials.trial import SMALL_LOG
from workshop_kit.trials.yaml_problem import yaml_finding

FINDINGS = findings("container.limits")
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
"""The keys that limit a service, each with the keys under which it may stand."""
COMPOSE_SECONDS = 30.0
USUAL_PERIOD = 100_000
"""The microseconds in which a container may use its ``cpu_quota``, where ``cpu_period`` says nothing else."""


def read(folder: Path) -> dict[str, Any]:
    """Return the limits of the service in compose.yaml as fields of `Spec`. Raises CheckEnded if Compose refuses it."""
    compose = _run_compose(folder)
    if compose.returncode != 0:
        text = (folder / FILE).read_text()
        reason = _refusal_reason(compose.stderr, folder)
        raise _not_readable_error(_refusal_finding(text, reason))
    return limits_in(json.loads(compose.stdout))


def _run_compose(folder: Path) -> subprocess.CompletedProcess[str]:
    """Let Compose read compose.yaml in a folder. Raises CheckEnded if that takes too long."""
    command = ["docker", "compose", "--project-name", "check", "--file", FILE, "config", "--format", "json"]
    try:
        return subprocess.run(
            command,
            cwd=folder,
            capture_output=True,
            text=True,
            check=False,
            timeout=patient(COMPOSE_SECONDS),
        )
    except subprocess.TimeoutExpired as error:
        reason = f"Compose was not done after {error.timeout:.0f} s"
        raise _not_readable_error(FINDINGS.failed("file.refused", reason, reason=reason)) from error


def _refusal_reason(error_text: str, folder: Path) -> str:
    """Return why Compose refused a file: the last line that it wrote to stderr, without this machine's paths."""
    _, _, last_line = error_text.strip().rpartition("\n")
    line = last_line.replace(f"{folder}/", "")
    reason = re.sub(r"^.*?(?=yaml:|validating|services\.|service )", "", line)
    return reason.strip().rstrip(".")


def _refusal_finding(text: str, reason: str) -> Finding:
    """Return the finding on a compose.yaml that is refused: on a mistake in its YAML, or else with the reason."""
    finding = yaml_finding(FILE, text, reason, PARENTS)
    if finding is None:
        finding = FINDINGS.failed("file.refused", reason, reason=reason)
    return finding


def limits_in(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return the limits in the output of ``docker compose config``, as fields of `Spec`.

    Raises CheckEnded if the service is missing.
    """
    service = (document.get("services") or {}).get(SERVICE)
    if service is None:
        raise _not_readable_error(FINDINGS.failed("file.no-service", "another service, or none", service=SERVICE))

    deploy = service.get("deploy") or {}
    resources = deploy.get("resources") or {}
    deploy_limits = resources.get("limits") or {}

    memory_bytes = int(service.get("mem_limit") or deploy_limits.get("memory") or 0)
    quota_cpus = int(service.get("cpu_quota") or 0) / int(service.get("cpu_period") or USUAL_PERIOD)
    cpus = float(service.get("cpus") or deploy_limits.get("cpus") or quota_cpus)
    pids = int(service.get("pids_limit") or deploy_limits.get("pids") or 0)
    more: dict[str, Any] = {"log_config": SMALL_LOG}
    memory_and_swap = service.get("memswap_limit")
    if memory_and_swap:
        more["memswap_limit"] = int(memory_and_swap)

    return {
        "memory_bytes": memory_bytes or None,
        "cpus": cpus or None,
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


def _not_readable_error(finding: Finding) -> CheckEnded:
    """Return the error that ends the check of a file that could not be read, with this finding."""
    return CheckEnded(Result.not_readable(finding.means, finding))
