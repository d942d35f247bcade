"""The hub as a process of this machine: start it, start all seats, and end it."""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workshop_kit.engine.reach import Engine
from workshop_kit.errors import NotReady
from workshop_kit.seats.capacity import LIMIT_BYTES
from workshop_kit.seats.hub_api import HubApi
from workshop_kit.seats.hub_environment import PROXY, PYTHON, SOURCE
from workshop_kit.seats.hub_settings import INSTRUCTOR, HubSettings
from workshop_kit.seats.seat_objects import LABEL

CONFIG = SOURCE / "jupyterhub_config.py"
VARIABLE = "WORKSHOP_HUB"
"""The environment variable with the settings, as JSON: arguments of a process are visible to all users."""
HUB_PORT = 8081
LOG = "hub.log"
READY_SECONDS = 120.0
STOP_SECONDS = 30.0
LAST_LINES = 8


@dataclass(frozen=True)
class HubServer:
    """A hub in its folder: who may use it, and where it listens."""

    folder: Path
    settings: HubSettings
    host: str
    port: int

    @property
    def address(self) -> str:
        """The address of its page."""
        return f"http://{self.host}:{self.port}"

    @property
    def log(self) -> Path:
        """The output of the hub and its proxy."""
        return self.folder / LOG

    def values(self, engine: Engine, token: str) -> dict[str, Any]:
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
            "token": token,
        }

    def start(self, engine: Engine) -> tuple[subprocess.Popen[bytes], HubApi]:
        """Start the hub and return it once it answers. Raises NotReady with its last lines."""
        api = HubApi(self.address, secrets.token_hex(32))
        command: list[str | Path] = [PYTHON, "-m", "jupyterhub", "--config", CONFIG]
        values = json.dumps(self.values(engine, api.token))
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
            self._wait(process, api)
        except BaseException:
            end(process)
            raise
        return process, api

    def _wait(self, process: subprocess.Popen[bytes], api: HubApi) -> None:
        deadline = time.monotonic() + READY_SECONDS
        while not api.is_up():
            if process.poll() is not None or time.monotonic() > deadline:
                lines = self.log.read_text(errors="replace").splitlines()[-LAST_LINES:]
                raise NotReady("The hub did not start.", f"Read {self.log}.", output="\n".join(lines))
            time.sleep(0.2)


def end(process: subprocess.Popen[bytes]) -> None:
    """End the hub and its proxy; the seats run on."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
