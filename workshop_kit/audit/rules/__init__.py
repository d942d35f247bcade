"""The code of the rules, found by the id that the catalog gives them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from workshop_kit.audit.data import Judged
from workshop_kit.audit.rules import (
    build,
    confinement,
    files,
    lifecycle,
    limits,
    lines,
    log_driver,
    monitoring,
    secrets,
    settings,
)

JUDGES: dict[str, Callable[[Any], Judged]] = {
    "config.no-secrets-in-image-environment": secrets.in_image_environment,
    "config.no-secrets-in-inspect": secrets.in_inspect,
    "config.no-secrets-in-history": secrets.in_history,
    "config.no-environment-files": files.no_environment_files,
    "config.no-private-keys": files.no_private_keys,
    "config.from-environment": settings.from_environment,
    "config.fails-fast": settings.fails_fast,
    "logs.to-streams": lines.to_streams,
    "logs.no-files": lines.no_files,
    "logs.structured": lines.structured,
    "logs.time-and-level": lines.time_and_level,
    "logs.no-secrets": lines.no_secrets,
    "logs.rotation": log_driver.rotation,
    "monitoring.health-defined": monitoring.health_defined,
    "monitoring.health-truthful": monitoring.health_truthful,
    "monitoring.probes-fast": monitoring.probes_fast,
    "monitoring.liveness-alone": monitoring.liveness_alone,
    "monitoring.metrics-valid": monitoring.metrics_valid,
    "lifecycle.stops-in-time": lifecycle.stops_in_time,
    "lifecycle.exit-code": lifecycle.exit_code,
    "lifecycle.starts-fast": lifecycle.starts_fast,
    "lifecycle.survives-a-kill": lifecycle.survives_a_kill,
    "lifecycle.serves-a-port": lifecycle.serves_a_port,
    "confinement.limits": confinement.limits,
    "confinement.non-root": confinement.non_root,
    "confinement.read-only": confinement.read_only,
    "confinement.read-only-capable": limits.read_only_capable,
    "confinement.needs-no-capabilities": limits.needs_no_capabilities,
    "confinement.capabilities-dropped": confinement.capabilities_dropped,
    "confinement.no-new-privileges": confinement.no_new_privileges,
    "confinement.no-engine-socket": confinement.no_engine_socket,
    "confinement.no-host-namespaces": confinement.no_host_namespaces,
    "confinement.no-setuid-files": files.no_setuid_files,
    "build.no-tools": files.no_tools,
    "build.no-version-control": files.no_version_control,
    "build.little-waste": files.little_waste,
    "build.labels": build.labels,
    "build.pinned": build.pinned,
    "build.single-concern": build.single_concern,
    "build.self-contained": build.self_contained,
}
