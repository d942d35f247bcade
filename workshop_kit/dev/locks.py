"""Make the lock files: versions with hashes, and no index addresses."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from workshop_kit.bootstrap.python_env import DEVELOPER_LOCK, LOCK
from workshop_kit.engine import shell

APP_SOURCE = "workshop_app/requirements.in"
LOAD_SOURCE = "images/load/requirements.in"
LOAD_LOCK = "images/load/requirements.txt"
STORE_SOURCE = "images/parameter_store/requirements.in"
STORE_LOCK = "images/parameter_store/requirements.txt"
COLLECTOR_SOURCE = "images/collector/requirements.in"
COLLECTOR_LOCK = "images/collector/requirements.txt"
APP_LOCK = "workshop_app/requirements.txt"
PYTHON_SOURCE = "images/python/requirements.in"
PYTHON_LOCK = "images/python/requirements.txt"

LOCKS = (
    (LOCK, "pyproject.toml"),
    (APP_LOCK, APP_SOURCE, "-c", LOCK),
    (LOAD_LOCK, LOAD_SOURCE),
    (STORE_LOCK, STORE_SOURCE),
    (COLLECTOR_LOCK, COLLECTOR_SOURCE, "-c", STORE_LOCK),
    (PYTHON_LOCK, APP_SOURCE, PYTHON_SOURCE, "-c", LOCK, "-c", APP_LOCK),
    (DEVELOPER_LOCK, "pyproject.toml", APP_SOURCE, "--group", "dev", "-c", LOCK, "-c", APP_LOCK),
)
"""Each lock with what it is compiled from."""


def compile_all(root: Path) -> Iterator[Path]:
    """Compile every lock and give its path; later ones keep to the versions of earlier ones."""
    for target, *words in LOCKS:
        before = (root / target).read_bytes() if (root / target).exists() else b""
        _compile(root, target, *words)
        if (root / target).read_bytes() != before:
            yield root / target


def _compile(root: Path, target: str, *words: str) -> None:
    command = [str(root / ".venv" / "bin" / "uv"), "pip", "compile", "--quiet", "--universal", "--generate-hashes"]
    command += ["--no-header", "--no-annotate", "--python-version", "3.11", "--directory", str(root)]
    shell.run(
        [*command, *words, "-o", target],
        failed=f"{target} could not be made.",
        next_step="Read uv's last lines above.",
        environment={"UV_SYSTEM_CERTS": "1", "UV_NATIVE_TLS": "1"},
    )
