"""Real containers of the built images, run as compose.yaml runs them and removed again; and what is asked of them."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

import pytest
from docker.errors import NotFound

from workshop_kit.engine.reach import Engine
from workshop_kit.engine.session import Session
from workshop_kit.patience import wait_for

Hardened = Callable[..., Any]
PATIENCE_SECONDS = 60
USERS = ["python3", "-I", "-S", "/usr/local/lib/workshop/users.py"]
"""The command of the shop's Redis."""


@pytest.fixture(scope="session")
def client(engine: Engine) -> Any:
    """The SDK's client."""
    return engine.client


@pytest.fixture(scope="session")
def labels(session: Session) -> dict[str, str]:
    """The labels of everything that these tests create."""
    return session.labels("kernel")


@pytest.fixture(scope="module")
def volume(client: Any, labels: Mapping[str, str]) -> Iterator[Callable[[], str]]:
    """Make empty volumes; they are removed after the containers that use them."""
    volumes: list[Any] = []

    def make() -> str:
        volumes.append(client.volumes.create(labels=dict(labels)))
        return str(volumes[-1].name)

    yield make
    for volume in volumes:
        volume.remove(force=True)


@pytest.fixture(scope="module")
def hardened(
    client: Any, labels: Mapping[str, str], volume: Callable[[], str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Hardened]:
    """Start a container with everything taken away that compose.yaml takes away.

    ``files`` appear in ``/run/secrets``, scripts of SQL where MariaDB runs them; further arguments go to the SDK.
    """
    started: list[Any] = []

    def start(image: str, files: Mapping[str, str], environment: Mapping[str, str], **more: Any) -> Any:
        folder = tmp_path_factory.mktemp("secrets")
        mounts = {}
        for name, text in files.items():
            path = folder / name
            path.write_text(text, encoding="utf-8", newline="")
            path.chmod(0o444)
            place = "/docker-entrypoint-initdb.d" if path.suffix == ".sql" else "/run/secrets"
            mounts[str(path)] = {"bind": f"{place}/{name}", "mode": "ro"}
        container = client.containers.create(
            image,
            environment=dict(environment),
            volumes=mounts | more.pop("volumes", {}),
            labels=dict(labels),
            read_only=True,
            cap_drop=["ALL"],
            security_opt=["no-new-privileges:true"],
            tmpfs={"/tmp": "", "/run/mysqld": ""},
            network_mode=more.pop("network_mode", "none"),
            pids_limit=120,
            mem_limit="192m",
            **more,
        )
        started.append(container)
        container.start()
        return container

    yield start
    for container in started:
        with contextlib.suppress(NotFound):
            container.remove(force=True, v=True)


def until(holds: Callable[[], bool], container: Any) -> None:
    """Poll until a condition holds; fail with the container's log."""
    assert wait_for(holds, 60), str(container.logs(tail=30).decode(errors="replace"))


def run(container: Any, script: str, **environment: str) -> tuple[int, str]:
    """Run a shell script in a container; return its exit code, and its output without the last line end."""
    command = ["sh", "-c", f"{script}\ncode=$?; echo; exit $code"]
    execute = partial(container.exec_run, command, environment=environment)
    result = wait_for(execute, 60, until=lambda result: result.output)  # even the line end gets lost on a busy engine
    return result.exit_code, result.output.decode().strip()


def wait_healthy(container: Any) -> None:
    """Return once a container is healthy; fail with its log if it stops, turns unhealthy or takes too long."""

    def healthy() -> bool:
        container.reload()
        assert container.health in {"starting", "healthy"}, container.logs(tail=20).decode(errors="replace")
        assert container.status == "running", container.logs(tail=20).decode(errors="replace")
        return str(container.health) == "healthy"

    until(healthy, container)


def assert_confined(container: Any, user: int) -> None:
    """The first process runs as this user, without a capability, and cannot gain privileges."""
    status: dict[str, str] = {}
    for line in run(container, "cat /proc/1/status")[1].splitlines():
        key, _, value = line.partition(":")
        status[key] = value.strip()

    assert set(status["Uid"].split()) == {str(user)}
    assert int(status["CapEff"], 16) == int(status["CapBnd"], 16) == 0
    assert status["NoNewPrivs"] == "1"
