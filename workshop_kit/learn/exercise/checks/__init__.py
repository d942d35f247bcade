"""The checks, one file a lesson; importing this package registers all of them in ``CHECKS``, by exercise id."""

from workshop_kit.learn.exercise.checks import (
    config,
    config_restore,
    config_secrets,
    config_tasks,
    container,
    container_files,
    container_limits,
    logging_cause,
    logging_collector,
    logging_context,
    logging_jq,
    logging_level,
    logging_parse,
    logging_percentiles,
    logging_stdout,
)
from workshop_kit.learn.exercise.judging import CHECKS, Context, Judged, check

__all__ = [
    "CHECKS",
    "Context",
    "Judged",
    "check",
    "config",
    "config_restore",
    "config_secrets",
    "config_tasks",
    "container",
    "container_files",
    "container_limits",
    "logging_cause",
    "logging_collector",
    "logging_context",
    "logging_jq",
    "logging_level",
    "logging_parse",
    "logging_percentiles",
    "logging_stdout",
]
