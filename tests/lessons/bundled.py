"""A room without a network: a fresh checkout without packages, an empty engine, a bundle, and no way out."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from tests.private_engine import PrivateEngine
from workshop_kit.paths import CHECKOUT


def saved(folder: Path) -> Path:
    """The bundle of this checkout, saved as people do; where set-up had a network."""
    environment = {**os.environ, "WORKSHOP_WORKSPACE": str(folder / "saver")}
    command: list[str | Path] = [CHECKOUT / "workshop", "bundle", "save", folder / "my stick"]
    said = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert said.returncode == 0, said.stderr
    return folder / "my stick"


@dataclass(frozen=True)
class Room:
    """A machine with Python and an engine, in a network that leads nowhere."""

    own: PrivateEngine
    checkout: Path
    bundle: Path

    def type(self, *words: str | Path) -> subprocess.CompletedProcess[str]:
        """Type a command of ``./workshop``. No cache of packages helps it, and none of this machine's settings."""
        steering = ("WORKSHOP_", "DOCKER_", "PIP_", "UV_", "CONDA_", "PYTHONPATH", "VIRTUAL_ENV")
        environment = {key: value for key, value in os.environ.items() if not key.startswith(steering)}
        environment |= {
            "DOCKER_HOST": self.own.address,
            "UV_CACHE_DIR": str(self.checkout.parent / "cache"),
            "WORKSHOP_PYTHON": str(getattr(sys, "_base_executable", sys.executable)),
        }
        command = self.own.inside(str(self.checkout / "workshop"), *map(str, words))
        return subprocess.run(
            command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
        )


def copy_of_the_checkout(target: Path) -> Path:
    """What a clone has, with changes that are not committed yet: no packages, no workspace."""
    listing = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(listing, cwd=CHECKOUT, capture_output=True, text=True, check=True).stdout.split("\0")
    for name in names:
        if (CHECKOUT / name).is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(CHECKOUT / name, target / name)
    return target
