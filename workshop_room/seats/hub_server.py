"""The hub of a room: its environment, apart from the kit's; its process on this machine; and its API.

JupyterHub and DockerSpawner come from PyPI, and the proxy from npm, as locked.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from workshop_kit import python_env
from workshop_kit.engine import install, shell
from workshop_kit.engine.reach import Engine
from workshop_kit.errors import NotReady
from workshop_kit.observe.http import Answer, request
from workshop_kit.paths import CHECKOUT
from workshop_kit.patience import patient
from workshop_kit.reporting import Report, Step, silent
from workshop_room.seats.hub_seats import INSTRUCTOR, LABEL, LIMIT_BYTES, HubSettings

SOURCE = CHECKOUT / "deploy" / "room"
LOCK = "requirements.txt"
PROXY_LOCK = "package-lock.json"
FOLDER = CHECKOUT / "build" / "hub"
PYTHON = FOLDER / ".venv" / "bin" / "python"
PROXY = FOLDER / "proxy"
CONFIG = SOURCE / "jupyterhub_config.py"
VARIABLE = "WORKSHOP_HUB"
"""The environment variable with the settings, as JSON: arguments of a process are visible to all users."""
HUB_PORT = 8081
LOG = "hub.log"
READY_SECONDS = 120.0
STOP_SECONDS = 30.0
LAST_LINES = 8
ANSWER_SECONDS = 60.0
"""The hub answers a start once the server runs, at the latest after ten seconds; on a busy machine later."""
START_SECONDS = 900.0
POLL_SECONDS = 1.0


def ensure(*, may_install: bool, report: Report = silent) -> None:
    """Install what the hub needs unless it is there.

    ``may_install`` allows Debian's nodejs and npm where npm is missing. Raises NotReady.
    """
    FOLDER.mkdir(parents=True, exist_ok=True)
    if not _is_copy(FOLDER / ".venv" / LOCK, SOURCE / LOCK):
        report(Step("Hub", detail="installing JupyterHub and DockerSpawner"))
        _make_venv()
    if not _is_copy(PROXY / "node_modules" / PROXY_LOCK, SOURCE / PROXY_LOCK):
        ensure_npm(may_install=may_install, report=report)
        report(Step("Hub", detail="installing configurable-http-proxy"))
        _install_proxy()
    report(Step("Hub", 1.0, done=True))


def _make_venv() -> None:
    """Make the hub's environment; the copy of the lock in it is the sign that all packages are installed."""
    uv = Path(sys.executable).with_name("uv")
    command: list[str | Path] = [uv, "venv", "--clear", "--python", sys.executable, FOLDER / ".venv"]
    shell.run(command, failure="The hub's environment could not be made.", next_step=python_env.DISK_ADVICE)
    python_env.sync(FOLDER, str(SOURCE / LOCK), uv, python_env.NETWORK_ADVICE)
    shutil.copyfile(SOURCE / LOCK, FOLDER / ".venv" / LOCK)


def ensure_npm(*, may_install: bool, report: Report = silent) -> None:
    """Install Debian's nodejs and npm unless npm is there.

    Raises NotReady if npm is missing and must not be installed, or if the system is not Debian.
    """
    if shutil.which("npm"):
        return
    if not may_install or not install.is_debian():
        raise NotReady("The hub's proxy needs Node.js and npm.", "Install them (Debian: apt-get install nodejs npm).")
    install.install_packages(["nodejs", "npm"], report, "Hub")


def _install_proxy() -> None:
    """Install the proxy; the copy of the lock beside it is the sign that all packages are installed."""
    PROXY.mkdir(exist_ok=True)
    for name in ("package.json", PROXY_LOCK):
        shutil.copyfile(SOURCE / name, PROXY / name)
    shell.run(
        ["npm", "ci", "--prefix", PROXY, "--no-audit", "--no-fund"],
        failure="The hub's proxy could not be installed.",
        next_step=python_env.NETWORK_ADVICE,
    )
    shutil.copyfile(SOURCE / PROXY_LOCK, PROXY / "node_modules" / PROXY_LOCK)


def _is_copy(copy: Path, source: Path) -> bool:
    """Return whether a file is there and has the same content as another one."""
    return copy.is_file() and copy.read_bytes() == source.read_bytes()


@dataclass(frozen=True)
class HubServer:
    """A hub in its folder: who may use it, where it listens, and its API, used with the token of a service."""

    folder: Path
    settings: HubSettings
    host: str
    port: int
    token: str = field(default_factory=lambda: secrets.token_hex(32), repr=False)

    @property
    def address(self) -> str:
        """The address of its page."""
        return f"http://{self.host}:{self.port}"

    @property
    def log(self) -> Path:
        """The output of the hub and its proxy."""
        return self.folder / LOG

    def values(self, engine: Engine) -> dict[str, Any]:
        """Return what jupyterhub_config.py reads."""
        return {
            "codes": self.settings.codes,
            "instructor": INSTRUCTOR,
            "bind_url": self.address,
            "hub_url": f"http://{self.settings.address}:{HUB_PORT}",
            "proxy_api": f"http://127.0.0.1:{self.port + 1}",
            "proxy_command": [str(PROXY / "node_modules" / ".bin" / "configurable-http-proxy")],
            "engine": engine.endpoint.address,
            "image": self.settings.image,
            "prefix": self.settings.prefix,
            "labels": {LABEL: self.settings.id},
            "memory_bytes": LIMIT_BYTES,
            "token": self.token,
        }

    def start(self, engine: Engine) -> subprocess.Popen[bytes]:
        """Start the hub and return its process once the hub answers. Raises NotReady with the last lines of its log."""
        command: list[str | Path] = [PYTHON, "-m", "jupyterhub", "--config", CONFIG]
        values = json.dumps(self.values(engine))
        with self.log.open("wb") as log:
            process = subprocess.Popen(
                command,
                cwd=self.folder,
                env={**os.environ, VARIABLE: values},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C goes to this process alone, which ends the hub in order
            )

        try:
            self._wait_for_answer(process)
        except BaseException:
            end(process)
            raise
        return process

    def _wait_for_answer(self, process: subprocess.Popen[bytes]) -> None:
        """Wait until the API answers. Raises NotReady if the process ends before that, or the time is over."""
        began = time.monotonic()
        while not self.call("GET", "/").ok:
            has_ended = process.poll() is not None
            is_late = time.monotonic() - began > patient(READY_SECONDS)
            if has_ended or is_late:
                lines = self.log.read_text(errors="replace").splitlines()
                last_lines = "\n".join(lines[-LAST_LINES:])
                raise NotReady("The hub did not start.", f"Read {self.log}.", output=last_lines)
            time.sleep(0.2)

    def call(self, method: str, path: str) -> Answer:
        """Send a request to the API: ``GET /users/seat01/server``."""
        headers = {"Authorization": f"token {self.token}"}
        url = f"{self.address}/hub/api{path}"
        return request(method, url, content=b"", headers=headers, timeout_seconds=patient(ANSWER_SECONDS))

    def start_seat(self, name: str) -> bool:
        """Start a user's server unless it runs, and wait for it; return whether it is ready in the end."""
        path = f"/users/{name}/server"
        self.call("POST", path)  # the hub refuses this if the server runs

        began = time.monotonic()
        server_state = {"pending": "spawn"}
        while server_state.get("pending") and time.monotonic() - began < patient(START_SECONDS):
            time.sleep(POLL_SECONDS)
            server_state = self.call("GET", path).json() or {}

        return bool(server_state.get("ready"))

    def start_seats(self, report: Report = silent) -> list[str]:
        """Start all seats, one for each processor at a time; return the names of those that did not start."""
        with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
            names_by_future = {pool.submit(self.start_seat, name): name for name in self.settings.seats}
            total = len(names_by_future)
            for number, future in enumerate(as_completed(names_by_future), 1):
                name = names_by_future[future]
                report(Step("Seats", number / total, f"{number} of {total}: {name}"))

        report(Step("Seats", 1.0, done=True))
        return [name for future, name in names_by_future.items() if not future.result()]


def end(process: subprocess.Popen[bytes]) -> None:
    """End the hub and its proxy; the seats run on."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
