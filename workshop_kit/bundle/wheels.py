"""The Python packages of a bundle: the wheels that requirements.lock lists (standard library only)."""

from __future__ import annotations

import platform
import re
import sys
from collections.abc import Callable
from pathlib import Path

from workshop_kit.bootstrap import python_env
from workshop_kit.bundle.manifest import Part, find, intact, parts, sha256_of, writing
from workshop_kit.engine import shell
from workshop_kit.errors import WorkshopError
from workshop_kit.progress import Report, Step, silent

MACHINES = {"amd64": "x86_64", "aarch64": "arm64"}
SYSTEMS = {"darwin": "macos"}
TASK = "Packages"


def this_python() -> str:
    """Return this Python's version and platform, as wheels depend on them: ``cpython-3.11-linux-x86_64``."""
    version = f"{sys.version_info.major}.{sys.version_info.minor}{getattr(sys, 'abiflags', '')}"
    machine = platform.machine().lower()
    system = SYSTEMS.get(sys.platform, sys.platform)
    if system == "linux" and platform.libc_ver()[0] != "glibc":
        system = "linux-musl"
    return f"{sys.implementation.name}-{version}-{system}-{MACHINES.get(machine, machine)}"


def save(root: Path, bundle: Path, version: str, report: Report = silent) -> Part:
    """Download the wheels of requirements.lock into a bundle unless it has them; return the part.

    Raises NotReady if the package index does not answer or lacks a wheel.
    """
    lock = root / python_env.LOCK
    wanted = {"lock": sha256_of(lock)}
    if (there := intact(bundle, "wheels", this_python(), wanted, report)) is not None:
        return there
    total = len(re.findall(r"^\S+==", lock.read_text(), re.MULTILINE))
    with writing(bundle, "wheels", this_python(), version) as (folder, content):
        fetched = 0

        def count(line: str) -> None:
            nonlocal fetched
            fetched += line.startswith("Collecting ")
            report(Step(TASK, min(fetched / total, 1.0), line.partition(" (from ")[0]))

        _download(lock, folder, count)
        content.update(wanted)
    report(Step(TASK, 1.0, done=True))
    return find(parts(bundle), "wheels", this_python())


def _download(lock: Path, folder: Path, on_line: Callable[[str], None]) -> None:
    command = [sys.executable, "-m", "pip", "download", "--require-hashes", "--no-deps", "--only-binary=:all:"]
    shell.run(
        [*command, "--progress-bar=off", "--dest", folder, "-r", lock],
        failed="The Python packages could not be fetched.",
        next_step=(
            "Check the network and proxy (HTTPS_PROXY; behind a TLS-inspecting proxy set SSL_CERT_FILE to its CA "
            "bundle) and the space on the disk, then save again."
        ),
        on_line=on_line,
    )


def choose(root: Path, found: list[Part]) -> Part:
    """Return the part with wheels for this Python and this checkout.

    Raises WorkshopError with the bundle's Pythons, or if its wheels are of another version.
    """
    own = find(
        found,
        "wheels",
        this_python(),
        "Name another Python (WORKSHOP_PYTHON=/path/to/python3), or save a bundle on a machine like this one.",
    )
    if own.content.get("lock") != sha256_of(root / python_env.LOCK):
        raise WorkshopError(
            f"The bundle has the packages of another version of the workshop ({own.version}).",
            "Check out that version, or save a bundle from this one.",
        )
    return own
