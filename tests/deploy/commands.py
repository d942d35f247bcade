"""Run a program of a test, and install programs from npm into a folder of the test's own."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from workshop_kit.seats import hub_server


def run(*words: str | Path, **environment: str) -> str:
    """Run a program and return its output; its own words are the failure."""
    said = subprocess.run(
        [str(word) for word in words], env={**os.environ, **environment}, capture_output=True, text=True, check=False
    )
    assert said.returncode == 0, f"{said.stdout}\n{said.stderr}"
    return said.stdout


def npm_package(folder: Path, name: str, version: str) -> Path:
    """Install a package of npm below ``folder`` and return its own folder."""
    hub_server.ensure_npm(may_install=True)
    run("npm", "install", "--no-save", "--prefix", folder, f"{name}@{version}")
    return folder / "node_modules" / name
