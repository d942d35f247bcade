"""Real containers of the built images, run as compose.yaml runs them, and removed again."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from docker.errors import NotFound

from workshop_kit.engine.reach import Engine
from workshop_kit.engine.session import Session
from workshop_kit.observe.leaks import new_canary

Hardened = Callable[..., Any]


@pytest.fixture(scope="session")
def client(engine: Engine) -> Any:
    """The SDK's client."""
    return engine.client


@pytest.fixture(scope="session")
def labels(session: Session) -> dict[str, str]:
    """The labels of everything that these tests create."""
    return session.identity.labels("kernel")


@pytest.fixture(scope="module")
def secret() -> str:
    """A password with a different text in every encoding."""
    return new_canary()


@pytest.fixture(scope="module")
def volume(client: Any, labels: Mapping[str, str]) -> Iterator[Callable[[], str]]:
    """Make empty volumes; they are removed after the containers that use them."""
    made: list[Any] = []

    def make() -> str:
        made.append(client.volumes.create(labels=dict(labels)))
        return str(made[-1].name)

    yield make
    for one in made:
        one.remove(force=True)


@pytest.fixture(scope="module")
def hardened(
    client: Any, labels: Mapping[str, str], volume: Callable[[], str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Hardened]:
    """Start a container with everything taken away that compose.yaml takes away.

    ``files`` appear in ``/run/secrets``; further arguments go to the SDK.
    """
    started: list[Any] = []

    def start(image: str, files: Mapping[str, str], environment: Mapping[str, str], **more: Any) -> Any:
        folder = tmp_path_factory.mktemp("secrets")
        mounts = {}
        for name, text in files.items():
            path: Path = folder / name
            path.write_text(text, encoding="utf-8", newline="")
            path.chmod(0o444)
            mounts[str(path)] = {"bind": f"/run/secrets/{name}", "mode": "ro"}
        mounts |= more.pop("volumes", {})
        container = client.containers.create(
            image,
            environment=dict(environment),
            volumes=mounts,
            labels=dict(labels),
            read_only=True,
            cap_drop=["ALL"],
            security_opt=["no-new-privileges:true"],
            tmpfs={"/tmp": "", "/run/mysqld": ""} | more.pop("tmpfs", {}),
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
