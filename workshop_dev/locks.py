"""The lock files, each with its sources and constraints."""

from __future__ import annotations

import sys
from pathlib import Path

from workshop_kit.engine import shell
from workshop_kit.python_env import DEVELOPER_LOCK, LOCK

COMPILE = ("--quiet", "--universal", "--generate-hashes", "--no-header", "--no-annotate", "--python-version", "3.11")
APP_SOURCE = "workshop_app/requirements.in"
APP_LOCK = "workshop_app/requirements.txt"
STORE_LOCK = "images/parameter_store/requirements.txt"
SEAT_LOCK = "images/seat/requirements.txt"
LOCKS = (
    (LOCK, "pyproject.toml", "--all-extras"),
    (APP_LOCK, APP_SOURCE, "-c", LOCK),
    ("images/load/requirements.txt", "images/load/requirements.in"),
    (STORE_LOCK, "images/parameter_store/requirements.in"),
    ("images/collector/requirements.txt", "images/collector/requirements.in", "-c", STORE_LOCK),
    ("images/python/requirements.txt", APP_SOURCE, "images/python/requirements.in", "-c", LOCK, "-c", APP_LOCK),
    (SEAT_LOCK, "images/seat/requirements.in", "-c", LOCK),
    ("deploy/room/requirements.txt", "deploy/room/requirements.in", "-c", SEAT_LOCK, "-c", LOCK),
    (DEVELOPER_LOCK, "pyproject.toml", "--all-extras", APP_SOURCE, "--group", "dev", "-c", LOCK, "-c", APP_LOCK),
)
"""Each lock with its sources and, behind ``-c``, the earlier locks whose versions it takes."""


def compile_lock(root: Path, target: str, *words: str) -> None:
    """Write one lock, with hashes. Raises WorkshopError with what uv says."""
    command: list[str | Path] = [Path(sys.executable).with_name("uv"), "pip", "compile", *COMPILE, "--directory", root]
    shell.run(
        [*command, *words, "-o", target],
        failure=f"{target} could not be made.",
        next_step="Read uv's last lines above; where there is no uv, run ./workshop setup.",
        environment={"UV_SYSTEM_CERTS": "1", "UV_NATIVE_TLS": "1"},
    )
