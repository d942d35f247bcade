"""Make ``.venv`` hold exactly the locked packages, with their hashes checked (standard library only).

pip, which comes with Python, installs one package: uv, at the version and hashes of the lock. uv installs the rest.
The lock is copied into the environment last of all: a copy that equals the lock means "complete", so a run that was
interrupted at any point is simply taken up again.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections import deque
from collections.abc import Iterator, Sequence
from pathlib import Path

from workshop_kit.errors import NotReady
from workshop_kit.progress import Report, Step, silent

LOCK = "requirements.lock"
DEVELOPER_LOCK = "requirements-dev.lock"
TASK = "Python packages"


def is_complete(root: Path, lock: str = LOCK) -> bool:
    """Whether the environment holds what ``lock`` lists."""
    stamp = root / ".venv" / lock
    return stamp.is_file() and stamp.read_bytes() == (root / lock).read_bytes()


def ensure(root: Path, *, developer: bool = False, report: Report = silent, install: bool = True) -> Path:
    """Return the interpreter of an environment that is complete, making or mending it first.

    ``developer`` adds what tests and benchmarks need. Raises NotReady with what to do when it cannot be made.
    """
    python = root / ".venv" / "bin" / "python"
    wanted = [LOCK, DEVELOPER_LOCK] if developer or is_complete(root, DEVELOPER_LOCK) else [LOCK]
    if all(is_complete(root, lock) for lock in wanted):
        return python
    if not install:
        raise NotReady("The Python packages are not installed.", "Run ./workshop setup.")
    with only_one_at_a_time(root):
        if not _has_pip(python):
            report(Step(TASK, detail="making .venv"))
            make_venv(root)
        if not (root / ".venv" / "bin" / "uv").exists():
            report(Step(TASK, detail="fetching uv"))
            _install_uv(root, python)
        report(Step(TASK, detail=f"installing what {wanted[-1]} lists"))
        sync(root, wanted[-1], root / ".venv" / "bin" / "uv", _NETWORK_ADVICE)
        for lock in wanted:
            shutil.copyfile(root / lock, root / ".venv" / lock)
    report(Step(TASK, 1.0, done=True))
    return python


def pinned(lock_text: str, package: str) -> str:
    """The lines of one package in a lock: its version and hashes.

    >>> pinned("a==1 \\\\\\n    --hash=sha256:00\\nuv==2 \\\\\\n    --hash=sha256:11\\n", "uv")
    'uv==2 \\\\\\n    --hash=sha256:11\\n'
    """
    match = re.search(rf"^{re.escape(package)}==.*\n(?:    --hash=.*\n)+", lock_text, re.MULTILINE)
    if match is None:
        raise NotReady(
            f"{LOCK} does not list {package} with hashes.", "Restore the file: git checkout requirements.lock"
        )
    return match.group(0)


@contextlib.contextmanager
def only_one_at_a_time(root: Path) -> Iterator[None]:
    """Two ``./workshop`` at once would install into the same folder: the second waits."""
    try:
        lock_file = (root / ".venv.lock").open("w")
    except OSError as error:
        raise NotReady(
            f"The folder {root} cannot be written to ({error.strerror}).",
            "Clone the workshop into a folder of your own and run it there.",
        ) from error
    with lock_file:
        fcntl.flock(lock_file, fcntl.LOCK_EX)
        try:
            yield
        finally:
            Path(lock_file.name).unlink(missing_ok=True)


def _has_pip(python: Path) -> bool:
    if not python.exists():
        return False
    return subprocess.run([python, "-m", "pip", "--version"], capture_output=True, check=False).returncode == 0


def make_venv(root: Path, *, offline: bool = False) -> None:
    """Make ``.venv`` anew; where this Python comes without pip, fetch that first, or ``offline`` go without."""
    options = []
    if not ensurepip_is_here():
        if offline:
            options = ["--without-pip"]
        else:
            _install_debian_venv()
    _run(
        [sys.executable, "-m", "venv", "--clear", *options, root / ".venv"],
        "The virtual environment .venv could not be made.",
        "Free some space or check the folder's permissions, then run ./workshop setup again.",
    )


def ensurepip_is_here() -> bool:
    """Whether this Python can put pip into an environment; Debian's and Ubuntu's cannot without python3-venv."""
    return subprocess.run([sys.executable, "-c", "import ensurepip"], capture_output=True, check=False).returncode == 0


def _install_debian_venv() -> None:
    """Debian and Ubuntu split venv off from Python: bring it from the distribution."""
    package = f"python{sys.version_info.major}.{sys.version_info.minor}-venv"
    advice = f"Install it: sudo apt-get install {package}"
    if not shutil.which("apt-get") or (os.geteuid() != 0 and not shutil.which("sudo")):
        raise NotReady(f"{sys.executable} comes without venv and pip.", advice)
    sudo = [] if os.geteuid() == 0 else ["sudo"]
    say(f"Installing {package} from the distribution: this Python comes without venv and pip.")
    _run([*sudo, "apt-get", "update", "-q"], "The package lists could not be fetched.", advice)
    _run([*sudo, "apt-get", "install", "-y", "-q", package], f"{package} could not be installed.", advice)


def _install_uv(root: Path, python: Path) -> None:
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as requirements:
        requirements.write(pinned((root / LOCK).read_text(), "uv"))
        requirements.flush()
        _run(
            [python, "-m", "pip", "install", "-q", "--require-hashes", "--no-deps", "-r", requirements.name],
            "uv could not be installed with pip.",
            _NETWORK_ADVICE,
        )


def sync(root: Path, lock: str, uv: Path, next_step: str, options: Sequence[str | Path] = ()) -> None:
    """Let uv bring the environment to what ``lock`` lists, hashes checked. Raises NotReady with ``next_step``."""
    # Companies put their own CA into the system's store: uv is told to trust what the system trusts.
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


_NETWORK_ADVICE = (
    "Check the network and proxy (HTTPS_PROXY; behind a TLS-inspecting proxy set SSL_CERT_FILE to its CA bundle), "
    "then run ./workshop setup again: it goes on where it stopped."
)


def _run(command: Sequence[str | Path], what: str, next_step: str, environment: dict[str, str] | None = None) -> None:
    """Run a tool; meanwhile a terminal shows its last line and the seconds. Its last lines follow if it fails."""
    started = time.monotonic()
    tail: deque[str] = deque([Path(command[0]).name], maxlen=12)
    process = subprocess.Popen(
        [str(part) for part in command],
        stdin=subprocess.DEVNULL if command[0] != "sudo" else None,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        env=environment,
    )
    with process:
        reader = threading.Thread(target=tail.extend, args=(map(str.rstrip, process.stdout or ()),), daemon=True)
        reader.start()
        try:
            while process.poll() is None:
                show_last(tail[-1], time.monotonic() - started)
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(0.2)
        except BaseException:
            process.kill()
            raise
        finally:
            reader.join()
            show_last("", None)
    if process.returncode != 0:
        raise NotReady(f"{what} ({time.monotonic() - started:.0f} s)", next_step, output="\n".join(tail))


def show_last(line: str, seconds: float | None) -> None:
    """Write one line of a terminal, over and over; nothing where stderr is no terminal."""
    if sys.stderr.isatty():
        width = shutil.get_terminal_size().columns - 1
        text = "" if seconds is None else f"  {seconds:3.0f} s  {line}"[:width]
        sys.stderr.write(f"\r\x1b[K{text}")
        sys.stderr.flush()


def say(line: str) -> None:
    """Tell the user one line, on stderr: stdout belongs to what was asked for."""
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()
