"""Which version of the workshop a checkout is, in a few words (standard library only)."""

from __future__ import annotations

import hashlib
import os
import subprocess
from pathlib import Path

SHORT = 12
MADE_HERE = {".venv", "workspace", "build", ".git", "__pycache__"}


def version_of(root: Path) -> str:
    """Return the checkout's commit, or where there is no git a hash of its files.

    ``commit 60f5cf9a1b2c``, ``commit 60f5cf9a1b2c with changes``, ``files 9c1185a5c5e9``.
    """
    commit = _git(root, "rev-parse", "HEAD")
    if commit is None:
        return f"files {_hash_of_files(root)[:SHORT]}"
    changed = " with changes" if _git(root, "status", "--porcelain") else ""
    return f"commit {commit[:SHORT]}{changed}"


def _git(root: Path, *words: str) -> str | None:
    """What git says, or None where there is no git, or no repository of this very folder."""
    if not (root / ".git").exists():
        return None
    try:
        said = subprocess.run(["git", "-C", root, *words], capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    return said.stdout.strip()


def _hash_of_files(root: Path) -> str:
    """The files of the checkout, without what was made there."""
    digest = hashlib.sha256()
    for folder, names, files in os.walk(root):
        names[:] = sorted(set(names) - MADE_HERE)
        for name in sorted(files):
            path = Path(folder) / name
            if path.is_file() and path.suffix != ".pyc":
                digest.update(f"\0{path.relative_to(root).as_posix()}\0".encode() + path.read_bytes())
    return digest.hexdigest()
