"""A checkout as a clone has it."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from workshop_kit.paths import CHECKOUT


def copy_of_the_checkout(target: Path, *without: str) -> Path:
    """Copy the files that git knows or would add, with uncommitted changes: no packages, no workspace."""
    listing = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", "."]
    listing += [f":!{folder}" for folder in without]
    names = subprocess.run(listing, cwd=CHECKOUT, capture_output=True, text=True, check=True).stdout.split("\0")
    for name in names:
        if (CHECKOUT / name).is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(CHECKOUT / name, target / name)
    return target
