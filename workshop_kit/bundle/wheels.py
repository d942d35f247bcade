"""Save and install the packages of a bundle, the wheels of requirements.lock (standard library only)."""

from __future__ import annotations

import platform
import shutil
import sys
from pathlib import Path

from workshop_kit import python_env
from workshop_kit.bundle.part import (
    Part,
    find,
    parts,
    require_same,
    require_space,
    sha256_of,
    this_architecture,
    verify,
    write_part,
)
from workshop_kit.engine import shell
from workshop_kit.errors import WorkshopError, WrongUsage
from workshop_kit.reporting import Report, Step, silent

TASK = "Packages"
UNPACKED_FACTOR = 4
"""Space for the packages, as a multiple of their wheels' size."""


def this_python() -> str:
    """Return the name of this Python's part of wheels, with its version and platform: ``cpython-3.11-linux-x86_64``."""
    version = f"{sys.version_info.major}.{sys.version_info.minor}{sys.abiflags}"
    return f"{sys.implementation.name}-{version}-{sys.platform}-{platform.machine().lower()}"


def save(root: Path, bundle: Path, version: str, report: Report = silent) -> None:
    """Download the wheels of requirements.lock into a bundle.

    Raises NotReady if the package index does not answer or lacks a wheel.
    """
    lock = root / python_env.LOCK
    command = [sys.executable, "-m", "pip", "download", "--require-hashes", "--no-deps", "--only-binary=:all:"]

    def report_line(line: str) -> None:
        text, _, _ = line.partition(" (from ")
        report(Step(TASK, None, text))

    with write_part(bundle, "wheels", this_python(), version) as (folder, about):
        shell.run(
            [*command, "--progress-bar=off", "--dest", folder, "-r", lock],
            failure="The Python packages could not be fetched.",
            next_step=python_env.NETWORK_ADVICE,
            on_line=report_line,
        )
        about["lock"] = sha256_of(lock)

    report(Step(TASK, 1.0, done=True))


def make_python(root: Path, arguments: list[str]) -> Path:
    """Make the Python environment from a bundle; return the path of its interpreter.

    ``arguments`` are those of ``bundle load`` on the command line. The wheels for this Python and the images for
    this architecture are verified first. Raises WorkshopError for parts of another version or with damaged files.
    """
    bundle_parts = parts(_folder_of(arguments))
    wheels = _find_wheels(root, bundle_parts)
    _verify_images(root, bundle_parts)
    verify(wheels)
    require_space(shutil.disk_usage(root).free, wheels.size_bytes * UNPACKED_FACTOR, "the packages")
    return python_env.install_offline(root, wheels.folder)


def _folder_of(arguments: list[str]) -> Path:
    """Return the folder that the arguments of ``bundle load`` name. Raises WrongUsage."""
    if len(arguments) != 1 or arguments[0].startswith("-"):
        raise WrongUsage("`bundle load` takes one folder.", "Write ./workshop bundle load FOLDER.")
    return Path(arguments[0])


def _verify_images(root: Path, bundle_parts: list[Part]) -> None:
    """Verify the images for this architecture, if the bundle has them. Raises WorkshopError."""
    images_name = f"images-{this_architecture()}"
    for part in bundle_parts:
        if part.folder.name == images_name:
            require_same(part, root)
            verify(part)


def _find_wheels(root: Path, bundle_parts: list[Part]) -> Part:
    """Return the part with the wheels for this Python and this checkout. Raises WorkshopError if there is none."""
    advice = "Name another Python (WORKSHOP_PYTHON=/path/to/python3), or save a bundle on a machine like this one."
    part = find(bundle_parts, "wheels", this_python(), advice)
    if part.lock != sha256_of(root / python_env.LOCK):
        raise WorkshopError(
            f"The bundle has the packages of another version of the workshop ({part.version}).",
            "Check out that version, or save a bundle from this one.",
        )
    return part
