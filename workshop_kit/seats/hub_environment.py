"""The hub's own environment: JupyterHub and DockerSpawner from PyPI, and the proxy from npm, as locked."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from workshop_kit.bootstrap import python_env
from workshop_kit.engine import install, shell
from workshop_kit.errors import NotReady
from workshop_kit.paths import CHECKOUT
from workshop_kit.progress import Report, Step, silent

SOURCE = CHECKOUT / "deploy" / "room"
LOCK = "requirements.txt"
PROXY_LOCK = "package-lock.json"
FOLDER = CHECKOUT / "build" / "hub"
PYTHON = FOLDER / ".venv" / "bin" / "python"
PROXY = FOLDER / "proxy"
TASK = "Hub"


def ensure(*, may_install: bool, report: Report = silent) -> None:
    """Install what the hub needs unless it is there.

    ``may_install`` allows Debian's nodejs and npm where npm is missing. Raises NotReady.
    """
    FOLDER.mkdir(parents=True, exist_ok=True)
    if not _same(FOLDER / ".venv" / LOCK, SOURCE / LOCK):
        report(Step(TASK, detail="installing JupyterHub and DockerSpawner"))
        _make_venv()
    if not _same(PROXY / "node_modules" / PROXY_LOCK, SOURCE / PROXY_LOCK):
        ensure_npm(may_install=may_install, report=report)
        report(Step(TASK, detail="installing configurable-http-proxy"))
        _install_proxy()
    report(Step(TASK, 1.0, done=True))


def _make_venv() -> None:
    uv = Path(sys.executable).with_name("uv")
    command: list[str | Path] = [uv, "venv", "--clear", "--python", sys.executable, FOLDER / ".venv"]
    shell.run(command, failed="The hub's environment could not be made.", next_step=python_env.DISK_ADVICE)
    python_env.sync(FOLDER, str(SOURCE / LOCK), uv, python_env.NETWORK_ADVICE)
    shutil.copyfile(SOURCE / LOCK, FOLDER / ".venv" / LOCK)


def ensure_npm(*, may_install: bool, report: Report = silent) -> None:
    """Install Debian's nodejs and npm unless npm is there. Raises NotReady where it may not, or on another system."""
    if shutil.which("npm"):
        return
    if not may_install or not install.is_debian():
        raise NotReady("The hub's proxy needs Node.js and npm.", "Install them (Debian: apt-get install nodejs npm).")
    install.install_packages(["nodejs", "npm"], report, TASK)


def _install_proxy() -> None:
    """Install the proxy; a copy of the lock beside it says that all is there."""
    PROXY.mkdir(exist_ok=True)
    for name in ("package.json", PROXY_LOCK):
        shutil.copyfile(SOURCE / name, PROXY / name)
    shell.run(
        ["npm", "ci", "--prefix", PROXY, "--no-audit", "--no-fund"],
        failed="The hub's proxy could not be installed.",
        next_step=python_env.NETWORK_ADVICE,
    )
    shutil.copyfile(SOURCE / PROXY_LOCK, PROXY / "node_modules" / PROXY_LOCK)


def _same(copy: Path, source: Path) -> bool:
    return copy.is_file() and copy.read_bytes() == source.read_bytes()
