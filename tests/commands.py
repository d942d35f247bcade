"""Run a program of a test, copy the checkout as a clone has it, and install programs from npm."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

from workshop_kit.engine import install
from workshop_kit.paths import CHECKOUT
from workshop_kit.reporting import silent

Cli = Callable[..., subprocess.CompletedProcess[str]]
"""Runs the command line with these words."""


def run(*words: str | Path, **environment: str) -> str:
    """Run a program and return its output; its own words are the failure."""
    process = subprocess.run(
        [str(word) for word in words], env={**os.environ, **environment}, capture_output=True, text=True, check=False
    )
    assert process.returncode == 0, f"{process.stdout}\n{process.stderr}"
    return process.stdout


def copy_of_the_checkout(target: Path, *without: str) -> Path:
    """Copy the files that git knows or would add, with uncommitted changes: no packages, no workspace."""
    listing = ("git", "-C", CHECKOUT, "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", ".")
    for name in run(*listing, *(f":!{folder}" for folder in without)).split("\0"):
        if (CHECKOUT / name).is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(CHECKOUT / name, target / name)
    return target


def ensure_npm() -> None:
    """Install Debian's Node.js and npm unless they are there."""
    if not shutil.which("npm"):
        install.install_packages(["nodejs", "npm"], silent, "npm")


def npm_package(folder: Path, name: str, version: str) -> Path:
    """Install a package of npm below ``folder`` and return its own folder."""
    ensure_npm()
    run("npm", "install", "--no-save", "--prefix", folder, f"{name}@{version}")
    return folder / "node_modules" / name
