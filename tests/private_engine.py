"""A second engine in a network namespace of its own, for tests that restart it, cut it off or fill its disk.

The machine's own engine is never touched. The namespace leads nowhere: what runs in it is offline, and a program
that uses a published port has to run in it, too (`inside`).
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import docker
import pytest

from workshop_kit.engine.reach import Engine
from workshop_kit.patience import wait_for

START_SECONDS = 120
DATA_BYTES = 4 * 1024**3
OWN_RESOLVER = ("unshare", "--mount", "sh", "-c", 'mount --bind "$0" /etc/resolv.conf && exec "$@"')
"""Runs a command with a file in place of the machine's resolv.conf; both follow."""
SILENT_NAME_SERVER = """
import socket, sys

server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
server.bind(("127.0.0.1", 53))
print("listens", flush=True)
with open(sys.argv[1], "a", buffering=1) as names:
    while True:
        question = server.recv(4096)[12:]
        labels = []
        while length := question[0]:
            labels.append(question[1 : length + 1].decode())
            question = question[length + 1 :]
        print(".".join(labels), file=names)
"""
"""Writes the names that it is asked to a file, and answers nothing."""
STEERING = ("WORKSHOP_", "DOCKER_", "PIP_", "UV_", "CONDA_", "PYTHONPATH", "VIRTUAL_ENV")
"""How the names of variables begin that choose an engine, packages, or a workspace."""
NAMESPACE = f"container-design-workshop-tests{os.environ.get('PYTEST_XDIST_WORKER', '')}"
CONTAINERD_STORE: Mapping[str, Any] = {"features": {"containerd-snapshotter": True}}
"""The setting of the image store that Docker Desktop and new installations of Docker 29 use."""


class PrivateEngine:
    """An engine; ``folder`` holds its socket and its data.

    ``daemon`` has settings of daemon.json, ``environment`` further variables of the daemon. With
    ``silent_name_server`` its name server keeps what it is asked (`asked_names`), and never answers.
    """

    def __init__(
        self,
        folder: Path,
        *,
        daemon: Mapping[str, Any] | None = None,
        environment: Mapping[str, str] | None = None,
        silent_name_server: bool = False,
    ) -> None:
        self.folder = folder
        self.address = f"unix://{folder}/engine.sock"
        self._settings = folder / "daemon.json"
        self._settings.write_text(json.dumps(dict(daemon or {})))
        self._environment = {**os.environ, **(environment or {})}
        self._has_silent_name_server = silent_name_server
        self._name_server: subprocess.Popen[bytes] | None = None
        self._process: subprocess.Popen[bytes] | None = None
        # In the machine's own namespace a second daemon would remove the bridge and the rules of the first one.
        # The namespace outlives the daemon: programs in it reach the restarted one.
        self._namespace = subprocess.Popen(
            ["unshare", "--net", "sh", "-c", "ip link set lo up && echo up && exec sleep infinity"],
            stdout=subprocess.PIPE,
        )
        assert self._namespace.stdout is not None
        assert self._namespace.stdout.readline() == b"up\n"
        if silent_name_server:
            self._start_name_server()

    def inside(self, *command: str) -> list[str]:
        """Return the command that runs ``command`` inside the network namespace."""
        return ["nsenter", f"--net=/proc/{self._namespace.pid}/ns/net", *command]

    def start(self) -> None:
        """Start the engine and wait until it answers."""
        command = ["dockerd", f"--config-file={self._settings}", "--host", self.address]
        command += [f"--data-root={self.folder}/data"]
        command += [f"--exec-root={self.folder}/exec", f"--pidfile={self.folder}/engine.pid"]
        if self._has_silent_name_server:
            command = [*OWN_RESOLVER, str(self.folder / "resolv.conf"), *command]
        # Both engines may use one containerd of the machine, under namespaces of their own.
        command += [f"--containerd-namespace={NAMESPACE}", f"--containerd-plugins-namespace={NAMESPACE}-plugins"]
        with self._log.open("ab") as log:
            process = subprocess.Popen(self.inside(*command), stdout=log, stderr=log, env=self._environment)
        self._process = process

        def answers() -> bool:
            with contextlib.suppress(docker.errors.DockerException):
                self.client().close()
                return True
            return False

        wait_for(lambda: answers() or process.poll() is not None, START_SECONDS)
        assert answers(), self._log.read_text()[-2000:]

    def stop(self) -> None:
        """Stop the engine, and with it its containers."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait(timeout=60)
            self._process = None

    def client(self) -> docker.DockerClient:
        """Return a client of this engine."""
        return docker.DockerClient(base_url=self.address, timeout=120)

    def workshop(self, checkout: Path, *words: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run ``./workshop`` of a checkout on this engine, without a package cache and the settings of this machine."""
        kept = {key: value for key, value in os.environ.items() if not key.startswith(STEERING)}
        own = {
            "DOCKER_HOST": self.address,
            "UV_CACHE_DIR": str(checkout.parent / "cache"),
            "WORKSHOP_PYTHON": str(getattr(sys, "_base_executable", sys.executable)),
        }
        command = self.inside(str(checkout / "workshop"), *map(str, words))
        return subprocess.run(
            command,
            env={**kept, **own, **environment},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )

    def load(self, source_engine: Engine, tags: Iterable[str]) -> None:
        """Load images from another engine; layers that they share are copied once."""
        with tempfile.TemporaryFile() as archive:
            source = ["docker", "--host", source_engine.endpoint.address, "image", "save", *tags]
            subprocess.run(source, stdout=archive, check=True)
            archive.seek(0)
            target = ["docker", "--host", self.address, "image", "load"]
            subprocess.run(target, stdin=archive, stdout=subprocess.DEVNULL, check=True)

    def asked_names(self) -> list[str]:
        """Return the names that the silent name server was asked since the last call."""
        file = self.folder / "names"
        names = file.read_text().split()
        os.truncate(file, 0)
        return names

    def _start_name_server(self) -> None:
        (self.folder / "resolv.conf").write_text("nameserver 127.0.0.1\n")
        command = self.inside(sys.executable, "-c", SILENT_NAME_SERVER, str(self.folder / "names"))
        self._name_server = subprocess.Popen(command, stdout=subprocess.PIPE)
        assert self._name_server.stdout is not None
        assert self._name_server.stdout.readline() == b"listens\n"

    def end(self) -> None:
        """End the engine, its name server and its namespace."""
        self.stop()
        if self._name_server is not None:
            self._name_server.terminate()
            self._name_server.wait()
        self._namespace.terminate()
        self._namespace.wait()

    @property
    def _log(self) -> Path:
        return self.folder / "log"


@contextlib.contextmanager
def private_engine(
    data_bytes: int = DATA_BYTES,
    *,
    daemon: Mapping[str, Any] | None = None,
    environment: Mapping[str, str] | None = None,
    silent_name_server: bool = False,
) -> Iterator[PrivateEngine]:
    """Run a private engine until the end of the block, with its data on a disk of ``data_bytes`` in memory.

    A test can fill this disk without filling the machine's. The other arguments are those of `PrivateEngine`.
    """
    if os.geteuid() != 0 or not all(shutil.which(program) for program in ("dockerd", "unshare", "nsenter", "ip")):
        pytest.skip("a private engine needs root, dockerd, unshare, nsenter and ip")
    # A short name: a socket's path may have 107 characters.
    with tempfile.TemporaryDirectory(prefix="engine") as name, small_disk(Path(name) / "data", data_bytes):
        own = PrivateEngine(Path(name), daemon=daemon, environment=environment, silent_name_server=silent_name_server)
        try:
            own.start()
            yield own
        finally:
            own.end()


@contextlib.contextmanager
def filled(folder: Path) -> Iterator[None]:
    """Fill the disk that holds ``folder`` until the end of the block."""
    filler = folder / "filler"
    try:
        with filler.open("wb", buffering=0) as file:
            for piece in (1024**2, 1):
                with contextlib.suppress(OSError):
                    while file.write(bytes(piece)):
                        pass
        yield
    finally:
        filler.unlink(missing_ok=True)


@contextlib.contextmanager
def small_disk(folder: Path, size_bytes: int) -> Iterator[Path]:
    """Mount a file system in memory of ``size_bytes`` at ``folder`` until the end of the block."""
    folder.mkdir(parents=True, exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size_bytes}", "tmpfs", folder], check=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)
