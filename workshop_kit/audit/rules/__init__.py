"""The functions of the rules, by their id in the catalog."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from workshop_kit.audit.findings import Judgment
from workshop_kit.audit.rules import build, config, confinement, lifecycle, logs, monitoring

RULE_FUNCTIONS: dict[str, Callable[[Any], Judgment]] = {
    "config.no-secrets-in-environment": config.in_environment,
    "config.no-secrets-in-history": config.in_history,
    "config.no-secret-files": config.in_files,
    "config.from-environment": config.from_environment,
    "config.fails-fast": config.fails_fast,
    "logs.to-streams": logs.to_streams,
    "logs.structured": logs.structured,
    "logs.no-secrets": logs.no_secrets,
    "logs.rotation": logs.rotation,
    "monitoring.health-check": monitoring.health_check,
    "monitoring.health-truthful": monitoring.health_truthful,
    "monitoring.probes-fast": monitoring.probes_fast,
    "monitoring.liveness-alone": monitoring.liveness_alone,
    "monitoring.metrics-valid": monitoring.metrics_valid,
    "lifecycle.stops": lifecycle.stops,
    "lifecycle.starts-fast": lifecycle.starts_fast,
    "lifecycle.survives-a-kill": lifecycle.survives_a_kill,
    "lifecycle.serves-a-port": lifecycle.serves_a_port,
    "confinement.limits": confinement.limits,
    "confinement.non-root": confinement.non_root,
    "confinement.read-only": confinement.read_only,
    "confinement.can-be-confined": confinement.can_be_confined,
    "confinement.privileges": confinement.privileges,
    "confinement.nothing-of-the-host": confinement.nothing_of_the_host,
    "build.no-compiler": build.no_compiler,
    "build.little-waste": build.little_waste,
    "build.labels": build.labels,
    "build.pinned": build.pinned,
    "build.single-concern": build.single_concern,
    "build.self-contained": build.self_contained,
}
