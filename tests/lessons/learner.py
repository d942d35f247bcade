"""A checkout as a learner has it: a fresh clone, and the environment that ``./workshop start`` makes for it."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path


def fresh_clone(root: Path, folder: Path) -> Path:
    """Clone ``root`` into ``folder``, with what is changed there and not yet committed."""
    subprocess.run(["git", "clone", "--quiet", str(root), str(folder)], check=True)
    for name in _names(root, "--modified", "--others"):
        source, target = root / name, folder / name
        if source.is_file():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, target)
        else:
            target.unlink(missing_ok=True)
    return folder


def _names(root: Path, *kinds: str) -> list[str]:
    """The files of these kinds that git knows or would take."""
    command = ["git", "ls-files", "-z", "--exclude-standard", *kinds]
    said = subprocess.run(command, cwd=root, capture_output=True, text=True, check=True)
    return sorted({name for name in said.stdout.split("\0") if name})
