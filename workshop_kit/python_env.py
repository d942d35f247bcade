"""Make ``.venv`` with exactly the locked packages, and check their hashes (standard library only).

pip installs uv at the version and hashes of the lock; uv installs the rest. Offline, uv comes from its own wheel.
The lock is copied into the environment last: only a complete environment has an equal copy.
"""

from __future__ import annotations

import contextlib
import fcntl
import importlib.util
import os
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TextIO

from workshop_kit.errors import NotReady
from workshop_kit.host import HOME_ADVICE, can_install_packages, is_home_writable, sudo
from workshop_kit.terminal import say

LOCK = "requirements.lock"
DEVELOPER_LOCK = "requirements-dev.lock"
UV_PROGRAM = ".data/scripts/uv"
"""The end of the program's path in uv's wheel."""
NETWORK_ADVICE = (
    "Check the network and proxy (HTTPS_PROXY; behind a TLS-inspecting proxy set SSL_CERT_FILE to its CA bundle), "
    "then run the same command again."
)
DISK_ADVICE = "Read the lines above (is the disk full?), then run the same command again."


def is_complete(root: Path, lock: str = LOCK) -> bool:
    """Return whether the environment has been completed with the packages that ``lock`` lists."""
    lock_copy = root / ".venv" / lock
    return lock_copy.is_file() and lock_copy.read_bytes() == (root / lock).read_bytes()


def ensure(root: Path, *, developer: bool = False, install: bool = True) -> Path:
    """Return the interpreter of the complete environment; make or repair that first if ``install`` allows it.

    ``developer`` adds the packages for tests and benchmarks. Raises NotReady when it is not complete, and cannot or may
    not be made so.
    """
    python = root / ".venv" / "bin" / "python"
    locks = [LOCK]
    if developer or is_complete(root, DEVELOPER_LOCK):
        locks.append(DEVELOPER_LOCK)

    if all(is_complete(root, lock) for lock in locks):
        return python
    if not install:
        raise NotReady("The Python packages are not installed.", "Run ./workshop setup.")

    with _installation_lock(root):
        if not _has_uv(python):
            if not _has_ensurepip():
                _install_debian_venv()
            _make_venv(root)
            _install_uv(root, python)

        largest_lock = locks[-1]  # the developers' lock has all packages of the other one
        sync(root, largest_lock, python.with_name("uv"), NETWORK_ADVICE)
        for lock in locks:
            shutil.copyfile(root / lock, root / ".venv" / lock)

    return python


def install_offline(root: Path, wheels: Path) -> Path:
    """Make the environment from a folder of wheels alone and return its interpreter. Raises NotReady."""
    python = root / ".venv" / "bin" / "python"
    if is_complete(root):
        return python

    with _installation_lock(root):
        uv = _unpack_uv(wheels, root)
        try:
            venv_options = [] if _has_ensurepip() else ["--without-pip"]
            _make_venv(root, *venv_options)
            sync(root, LOCK, uv, DISK_ADVICE, ["--offline", "--no-index", "--find-links", wheels])
        finally:
            uv.unlink()
        shutil.copyfile(root / LOCK, root / ".venv" / LOCK)

    return python


def _unpack_uv(wheels: Path, root: Path) -> Path:
    """Unpack the program of uv's wheel into the checkout, since some machines run no program from /tmp; return it."""
    uv = root / ".venv.uv"
    (wheel_path,) = wheels.glob("uv-*.whl")
    with zipfile.ZipFile(wheel_path) as wheel:
        programs = [name for name in wheel.namelist() if name.endswith(UV_PROGRAM)]
        (program,) = programs
        uv.write_bytes(wheel.read(program))

    uv.chmod(0o755)
    return uv


def pinned(lock_text: str, package: str) -> str:
    """Return the lines of one package in a lock: its version and hashes.

    >>> pinned("a==1 \\\\\\n    --hash=sha256:00\\nuv==2 \\\\\\n    --hash=sha256:11\\n", "uv")
    'uv==2 \\\\\\n    --hash=sha256:11\\n'
    """
    entries: list[str] = re.findall(rf"^{re.escape(package)}==.*\n(?:    --hash=.*\n)+", lock_text, re.MULTILINE)
    return entries[0]


@contextlib.contextmanager
def _installation_lock(root: Path) -> Iterator[None]:
    """Make a second ``./workshop`` wait until the block ends: both would install into the same folder.

    It uses ``fcntl``, since the package filelock is not installed yet.
    """
    path = root / ".venv.lock"
    is_held = False
    while not is_held:
        with _open_lock_file(path) as lock_file:
            fcntl.flock(lock_file, fcntl.LOCK_EX)
            is_held = _is_file_at(path, lock_file)  # else its former holder has removed it
            if is_held:
                try:
                    yield
                finally:
                    path.unlink(missing_ok=True)


def _open_lock_file(path: Path) -> TextIO:
    try:
        return path.open("w")
    except OSError as error:
        raise NotReady(
            f"The folder {path.parent} cannot be written to ({error.strerror}).",
            "Clone the workshop into a folder of your own and run it there.",
        ) from error


def _is_file_at(path: Path, file: TextIO) -> bool:
    """Return whether an open file is the one that has this path now."""
    try:
        return os.path.samestat(os.fstat(file.fileno()), path.stat())
    except FileNotFoundError:
        return False


def _has_uv(python: Path) -> bool:
    """Return whether the environment works and has uv: an update of the system may have removed its interpreter."""
    if not python.exists():
        return False

    command: list[str | Path] = [python, "-c", "import uv"]
    return subprocess.run(command, stderr=subprocess.DEVNULL, check=False).returncode == 0


def _make_venv(root: Path, *options: str) -> None:
    """Make an empty environment, in place of one that is there. Raises NotReady."""
    say("Python packages: making .venv")
    _run(
        [sys.executable, "-m", "venv", "--clear", *options, root / ".venv"],
        "The virtual environment .venv could not be made.",
        "Free some space or check the folder's permissions, then run ./workshop setup again.",
    )


def _has_ensurepip() -> bool:
    """Return whether this Python can make environments with pip."""
    return importlib.util.find_spec("ensurepip") is not None


def _install_debian_venv() -> None:
    """Install venv and pip from the distribution: Debian and Ubuntu have them in a separate package.

    Raises NotReady where that is not possible, or fails.
    """
    package = f"python{sys.version_info.major}.{sys.version_info.minor}-venv"
    advice = f"Install it: sudo apt-get install {package}"
    if not can_install_packages():
        raise NotReady(f"{sys.executable} comes without venv and pip.", advice)

    say(f"Installing {package} from the distribution: this Python comes without venv and pip.")
    _run([*sudo(), "apt-get", "update", "-q"], "The package lists could not be fetched.", advice)
    _run([*sudo(), "apt-get", "install", "-y", "-q", package], f"{package} could not be installed.", advice)


def _install_uv(root: Path, python: Path) -> None:
    """Install uv into the environment with pip, at the version and hashes of the lock. Raises NotReady."""
    say("Python packages: fetching uv")
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as requirements:
        requirements.write(pinned((root / LOCK).read_text(), "uv"))
        requirements.flush()
        _run(
            [python, "-m", "pip", "install", "--require-hashes", "--no-deps", "-r", requirements.name],
            "uv could not be installed with pip.",
            NETWORK_ADVICE,
        )


def sync(root: Path, lock: str, uv: Path, next_step: str, options: Sequence[str | Path] = ()) -> None:
    """Install what a lock lists into ``.venv`` in ``root``, and remove all other packages.

    Raises NotReady with ``next_step``.
    """
    say(f"Python packages: installing what {lock} lists")
    # Two names of one setting, for newer and older versions of uv: companies add their own CA to the system's store.
    environment = {**os.environ, "UV_SYSTEM_CERTS": "1", "UV_NATIVE_TLS": "1"}
    if "PIP_INDEX_URL" in os.environ:
        environment.setdefault("UV_DEFAULT_INDEX", os.environ["PIP_INDEX_URL"])

    python = root / ".venv" / "bin" / "python"
    _run(
        [uv, "pip", "sync", *options, "--require-hashes", "--python", python, root / lock],
        "The Python packages could not be installed.",
        next_step,
        environment,
    )


def _run(
    command: Sequence[str | Path], what: str, next_step: str, environment: Mapping[str, str] | None = None
) -> None:
    """Run a tool with its output on stderr. Raises NotReady with ``what`` and ``next_step`` if it fails."""
    process = subprocess.run(command, stdout=sys.stderr, env=environment, check=False)
    if process.returncode != 0:
        raise NotReady(what, next_step if is_home_writable() else HOME_ADVICE)
