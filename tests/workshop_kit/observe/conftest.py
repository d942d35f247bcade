"""What the tests of observing need: plain containers, a way to the engine that can be cut, an engine to restart."""

from __future__ import annotations

import socket
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import docker
import pytest

from tests.private_engine import PrivateEngine, private_engine
from workshop_kit.engine import containers
from workshop_kit.engine.containers import Running
from workshop_kit.engine.reach import Endpoint, Engine
from workshop_kit.engine.session import Session
from workshop_kit.engine.spec import Spec

Start = Callable[..., Running]


class Listener:
    """Follows in a thread, as a notebook does, and keeps what comes."""

    def __init__(self, following: Any) -> None:
        self.following = following
        self.items: list[Any] = []
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()

    def _listen(self) -> None:
        for item in self.following:
            self.items.append(item)

    def wait_for(self, holds: Callable[[], bool], within_seconds: float = 60) -> None:
        """Wait for something that must come."""
        deadline = time.monotonic() + within_seconds
        while not holds():
            assert time.monotonic() < deadline, "it did not come in time"
            time.sleep(0.02)

    def end(self, within_seconds: float = 60) -> str:
        """Wait for the end; return its reason."""
        self._thread.join(within_seconds)
        assert not self._thread.is_alive()
        return str(self.following.ended)


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

    def __init__(self, engine_socket: str, address: str) -> None:
        self._engine_socket = engine_socket
        self.address = address
        self._open: list[socket.socket] = []
        self._listener: socket.socket | None = None
        self.mend()

    def mend(self) -> None:
        """Listen (again)."""
        Path(self.address).unlink(missing_ok=True)
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(self.address)
        listener.listen(64)
        self._listener = listener
        threading.Thread(target=self._accept, args=(listener,), daemon=True).start()

    def cut(self) -> None:
        """Refuse new connections and break those that are open."""
        if self._listener is None:
            return
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._listener = None
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


def connected(address: str) -> Engine:
    """An engine reached at an address of the test's."""
    client = docker.DockerClient(base_url=address, timeout=20, use_ssh_client=True)
    return Engine(client, Endpoint(address, "the test says so"), client.version())


@pytest.fixture
def relay(engine: Engine) -> Iterator[Relay]:
    """A socket that leads to the engine until it is cut."""
    assert engine.endpoint.socket is not None
    with tempfile.TemporaryDirectory() as folder:  # short: a socket's path may have 107 characters
        relay = Relay(str(engine.endpoint.socket), f"{folder}/engine.sock")
        yield relay
        relay.cut()


def alone(client: Any, image: str, command: list[str]) -> Any:
    """A container on an engine without networks, which dies at once when that engine is stopped; not started."""
    return client.containers.create(image, command, network_mode="none", stop_signal="SIGKILL")


@pytest.fixture(scope="session")
def own_engine(engine: Engine, images: dict[str, str]) -> Iterator[PrivateEngine]:
    """A private engine with the base image: the machine's own one is never restarted."""
    with private_engine(bridge=False) as own:
        own.load(engine, [images["base"]])
        yield own
