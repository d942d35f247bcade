"""The code of the rules, found by the id that the catalog gives them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from workshop_kit.audit.data import Judged
from workshop_kit.audit.rules import confinement, image, lifecycle, logs, monitoring, secrets, settings

JUDGES: dict[str, Callable[[Any], Judged]] = {
    "config.no-secrets-in-environment": secrets.in_environment,
    "config.no-secrets-in-history": secrets.in_history,
    "config.no-secret-files": secrets.in_files,
    "config.from-environment": settings.from_environment,
    "config.fails-fast": settings.fails_fast,
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
    "build.no-compiler": image.no_compiler,
    "build.little-waste": image.little_waste,
    "build.labels": image.labels,
    "build.pinned": image.pinned,
    "build.single-concern": image.single_concern,
    "build.self-contained": image.self_contained,
}
