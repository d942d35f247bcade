"""What the tests of observing need: plain containers, a way to the engine that can be cut, an engine to restart."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import docker
import pytest

from workshop_kit.engine import containers
from workshop_kit.engine.containers import Running
from workshop_kit.engine.reach import Endpoint, Engine
from workshop_kit.engine.session import Session
from workshop_kit.engine.spec import Spec

Start = Callable[..., Running]


@pytest.fixture
def start(session: Session, images: dict[str, str]) -> Iterator[Start]:
    """Start a container that runs Python code without a shell; the spec can be changed. All are removed at the end."""
    made: list[Running] = []

    def start_one(code: str, **changes: object) -> Running:
        spec = Spec(images["base"], command=("python3", "-u", "-c", code))
        made.append(containers.run(session, replace(spec, **changes)))  # type: ignore[arg-type]
        return made[-1]

    yield start_one
    for running in made:
        running.remove()


class Relay:
    """Passes connections on to the engine's socket, and can be cut: for those behind it the engine is gone."""

    def __init__(self, engine_socket: str, family: socket.AddressFamily, address: str | tuple[str, int]) -> None:
        self._engine_socket = engine_socket
        self._family = family
        self.address = address
        self._open: list[socket.socket] = []
        self._listener: socket.socket | None = None
        self.mend()

    def mend(self) -> None:
        """Listen (again)."""
        if self._family == socket.AF_UNIX and isinstance(self.address, str):
            Path(self.address).unlink(missing_ok=True)
        listener = socket.socket(self._family)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(self.address)
        listener.listen(64)
        self.address = listener.getsockname()
        self._listener = listener
        threading.Thread(target=self._accept, args=(listener,), daemon=True).start()

    def cut(self) -> None:
        """Refuse new connections and break those that are open."""
        if self._listener is None:
            return
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._listener = None
        self.break_off()

    def break_off(self) -> None:
        """Break the connections that are open; new ones are let through."""
        for one in self._open:
            try:
                one.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue
        self._open.clear()

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                near, _ = listener.accept()
            except OSError:
                return
            far = socket.socket(socket.AF_UNIX)
            far.connect(self._engine_socket)
            self._open += [near, far]
            for pair in ((near, far), (far, near)):
                threading.Thread(target=_pump, args=pair, daemon=True).start()


def _pump(source: socket.socket, target: socket.socket) -> None:
    try:
        while data := source.recv(65536):
            target.sendall(data)
    except OSError:
        pass
    for end in (source, target):
        try:
            end.shutdown(socket.SHUT_RDWR)
        except OSError:
            continue


def connected(address: str, why: str = "the test says so") -> Engine:
    """An engine reached at an address of the test's."""
    client = docker.DockerClient(base_url=address, timeout=20, use_ssh_client=True)
    return Engine(client, Endpoint(address, why), client.version())


@pytest.fixture
def relay(engine: Engine) -> Iterator[Relay]:
    """A socket that leads to the engine until it is cut."""
    assert engine.endpoint.socket is not None
    with tempfile.TemporaryDirectory() as folder:  # short: a socket's path may have 107 characters
        relay = Relay(str(engine.endpoint.socket), socket.AF_UNIX, f"{folder}/engine.sock")
        yield relay
        relay.cut()


def alone(client: Any, image: str, command: list[str]) -> Any:
    """A container on an engine without networks, which dies at once when that engine is stopped; not started."""
    return client.containers.create(image, command, network_mode="none", stop_signal="SIGKILL")


class OwnEngine:
    """A second engine, alone in its network namespace, that may be stopped and started."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.address = f"unix://{folder}/engine.sock"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it and wait until it answers."""
        # In this machine's own network namespace, a daemon without a bridge would take the first engine's bridge away.
        command = ["unshare", "--net", "dockerd", "--host", self.address, "--bridge=none", "--iptables=false"]
        command += ["--ip6tables=false", f"--data-root={self._folder}/data", f"--exec-root={self._folder}/exec"]
        command += [f"--pidfile={self._folder}/engine.pid"]
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log)
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            try:
                docker.DockerClient(base_url=self.address, timeout=20).close()
                return
            except docker.errors.DockerException:
                time.sleep(0.2)
        raise AssertionError((self._folder / "log").read_text()[-2000:])

    def stop(self) -> None:
        """Stop it, and with it its containers."""
        assert self._process is not None
        self._process.terminate()
        self._process.wait(timeout=60)


@pytest.fixture(scope="session")
def own_engine(engine: Engine, images: dict[str, str]) -> Iterator[OwnEngine]:
    """A private engine with the base image: the machine's own one is never restarted."""
    if os.geteuid() != 0 or not shutil.which("dockerd") or not shutil.which("unshare"):
        pytest.skip("a private engine needs root, dockerd and unshare")
    folder = Path(tempfile.mkdtemp())
    own = OwnEngine(folder)
    try:
        own.start()
        client = docker.DockerClient(base_url=own.address, timeout=120)
        saved = engine.client.images.get(images["base"]).save(named=images["base"])
        with tempfile.TemporaryFile() as archive:
            archive.writelines(saved)
            archive.seek(0)
            client.images.load(archive)
        yield own
    finally:
        own.stop()
        shutil.rmtree(folder)
