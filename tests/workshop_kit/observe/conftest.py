"""Fixtures of the tests of observe: plain containers, and a relay to the engine that can be cut."""

from __future__ import annotations

import socket
import tempfile
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

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
    """A proxy of the engine's socket that can be cut, so that the engine does not answer behind it."""

    def __init__(self, engine_socket: str, address: str) -> None:
        self._engine_socket = engine_socket
        self.address = address
        self._open: list[socket.socket] = []
        self._listener: socket.socket | None = None
        self.listen()

    def listen(self) -> None:
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
    """Connect to the engine at an address."""
    client = docker.DockerClient(base_url=address, timeout=20, use_ssh_client=True)
    return Engine(client, Endpoint(address, "the test says so"), client.version())


@pytest.fixture
def relay(engine: Engine) -> Iterator[Relay]:
    """A relay to the engine."""
    assert engine.endpoint.socket is not None
    with tempfile.TemporaryDirectory() as folder:  # short: a socket's path may have 107 characters
        relay = Relay(str(engine.endpoint.socket), f"{folder}/engine.sock")
        yield relay
        relay.cut()
