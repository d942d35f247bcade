"""Make ``.venv`` from a folder of wheels alone, without a network (standard library only)."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

from workshop_kit.bootstrap.python_env import LOCK, TASK, is_complete, make_venv, only_one_at_a_time, sync
from workshop_kit.errors import NotReady
from workshop_kit.progress import Report, Step, silent

ADVICE = "Read the last lines above (is the disk full?), then run the same command again."
UV = ".data/scripts/uv"
"""How the name of the program ends in uv's wheel."""


def install(root: Path, wheels: Path, report: Report = silent) -> Path:
    """Make the environment from ``wheels`` and return its interpreter.

    uv comes from its own wheel, so neither pip nor an index is asked; the lock's hashes are checked as ever. Raises
    NotReady when it cannot be made; an environment that was not there before is then gone again.
    """
    python, ours = root / ".venv" / "bin" / "python", not (root / ".venv").exists()
    if is_complete(root):
        return python
    wheel, program = _uv_in(wheels)
    with only_one_at_a_time(root):
        try:
            report(Step(TASK, detail="making .venv"))
            make_venv(root, offline=True)
            report(Step(TASK, detail=f"installing what {LOCK} lists, from {wheels}"))
            with _unpacked(wheel, program, root / ".venv") as uv:
                sync(root, LOCK, uv, ADVICE, ["--offline", "--no-index", "--find-links", wheels])
            shutil.copyfile(root / LOCK, root / ".venv" / LOCK)
        except BaseException:
            if ours:
                shutil.rmtree(root / ".venv", ignore_errors=True)
            raise
    report(Step(TASK, 1.0, done=True))
    return python


def _uv_in(wheels: Path) -> tuple[Path, str]:
    """The wheel of uv, and the name that the program has in there."""
    try:
        (path,) = wheels.glob("uv-*.whl")
        with zipfile.ZipFile(path) as wheel:
            (name,) = (name for name in wheel.namelist() if name.endswith(UV))
    except (ValueError, OSError, zipfile.BadZipFile) as error:
        raise NotReady(f"There is no uv among the packages in {wheels}.", "Save the bundle again.") from error
    return path, name


@contextlib.contextmanager
def _unpacked(path: Path, name: str, below: Path) -> Iterator[Path]:
    """The program, unpacked for the block; not into /tmp, since on some machines nothing may be run from there."""
    try:
        with tempfile.TemporaryDirectory(dir=below) as folder, zipfile.ZipFile(path) as wheel:
            uv = Path(folder) / "uv"
            uv.write_bytes(wheel.read(name))
            uv.chmod(0o755)
            yield uv
    except OSError as error:
        raise NotReady(f"{below} cannot be written: {error.strerror}.", "Free some space, then try again.") from error
