"""What the engine does with the log, as ``docker inspect`` tells it."""

from __future__ import annotations

from typing import Any

from workshop_kit.audit.data import Evidence, Judged, cannot_tell, fails, holds
from workshop_kit.audit.rules.confinement import of_a_container

_KEPT_ELSEWHERE = {"journald", "syslog", "fluentd", "awslogs", "gcplogs", "gelf", "splunk", "logentries", "etwlogs"}


@of_a_container
def rotation(host: dict[str, Any]) -> Judged:
    """json-file needs max-size; ``local`` rotates by itself; ``none`` throws everything away."""
    config = host.get("LogConfig") or {}
    driver, options = str(config.get("Type") or ""), dict(config.get("Config") or {})
    seen = Evidence(
        "docker inspect: HostConfig.LogConfig",
        f"{driver} {', '.join(f'{key}={options[key]}' for key in sorted(options))}",
    )
    if driver == "none":
        return fails("The driver none throws every line away.", seen)
    if options.get("mode") == "non-blocking":
        return fails("In mode non-blocking lines are dropped when its buffer is full.", seen)
    if driver == "json-file" and options.get("max-size", "-1") == "-1":
        return fails("json-file without max-size grows without end.", seen)
    if driver in {"json-file", "local"}:
        return holds(f"{driver} is limited.", seen)
    if driver in _KEPT_ELSEWHERE:
        return cannot_tell(f"{driver} sends the lines elsewhere; its limits are there.", seen)
    return cannot_tell(f"The driver {driver or 'of the engine'} is not known here.", seen)
