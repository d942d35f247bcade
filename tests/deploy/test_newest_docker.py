"""The newest Docker of Debian, with either image store and the minimum API of Docker 29, on a private engine.

Its engine, command, BuildKit's plugin and Compose are those of its packages (`newest_docker`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.commands import copy_of_the_checkout, run
from tests.deploy.engine_runs import note
from tests.deploy.newest_docker import SUITE, NewestDocker, unpacked
from tests.private_engine import CONTAINERD_STORE, PrivateEngine, private_engine
from workshop_kit.engine.labels import COMPOSE_SERVICE
from workshop_kit.engine.reach import Engine
from workshop_kit.paths import CHECKOUT

pytestmark = [pytest.mark.engine, pytest.mark.engines, pytest.mark.timeout(1200)]
STORES: dict[str, Mapping[str, Any]] = {"overlay2": {}, "containerd's store": CONTAINERD_STORE}
MINIMUM_API = "1.44"
"""Docker 29 refuses older clients; Docker 28 does with this setting."""
DATA_BYTES = 8 * 1024**3


@dataclass(frozen=True)
class NewestEngine:
    """A private engine of the newest Docker, and a checkout whose workspace is on it."""

    own: PrivateEngine
    newest: NewestDocker
    checkout: Path
    store: str

    def workshop(self, *words: str) -> str:
        """Run ``./workshop`` of the checkout; return what it prints."""
        ran = self.own.workshop(self.checkout, *words, **self.newest.environment)
        assert ran.returncode == 0, f"{ran.stdout}\n{ran.stderr}"
        return ran.stdout + ran.stderr

    def compose(self, *words: str) -> None:
        """Run ``docker compose`` in the checkout, as it is used by hand."""
        run(
            *self.own.inside("env", "--chdir", str(self.checkout), "docker", "compose", *words),
            **self.newest.environment,
            DOCKER_HOST=self.own.address,
        )


@pytest.fixture(scope="module")
def newest() -> NewestDocker:
    """The newest Docker, unpacked; where Debian's mirror cannot be reached, this fails."""
    return unpacked(CHECKOUT / "build" / "engines")


@pytest.fixture(params=STORES)
def newest_engine(
    request: pytest.FixtureRequest, newest: NewestDocker, engine: Engine, images: dict[str, str], tmp_path: Path
) -> Iterator[NewestEngine]:
    """A private engine with one of the stores, and the workshop's images in it."""
    checkout = copy_of_the_checkout(tmp_path / "my checkout")
    (checkout / ".venv").symlink_to(CHECKOUT / ".venv")
    environment = {**newest.environment, "DOCKER_MIN_API_VERSION": MINIMUM_API}
    with private_engine(DATA_BYTES, daemon=STORES[request.param], environment=environment) as own:
        own.load(engine, images.values())
        yield NewestEngine(own, newest, checkout, request.param)


def test_lessons_and_an_audit(newest_engine: NewestEngine) -> None:
    """Lessons 00, 01 and 06 pass, a container with mounted files is audited, and `down` leaves nothing."""
    client = newest_engine.own.client()
    assert client.version()["MinAPIVersion"] == MINIMUM_API

    newest_engine.workshop("setup")
    doctor = newest_engine.workshop("doctor")
    newest_engine.workshop("tour", "00", "01", "06")

    newest_engine.compose("up", "--detach", "--wait")
    (service,) = client.containers.list(filters={"label": f"{COMPOSE_SERVICE}=service"})
    assert service.attrs["Mounts"]
    newest_engine.workshop("audit", str(service.name), "--fail-on", "never")

    newest_engine.workshop("down")
    assert client.containers.list(all=True) == []
    assert client.volumes.list() == []
    assert {network.name for network in client.networks.list()} == {"bridge", "host", "none"}
    note(
        f"Docker of Debian's {SUITE}, {newest_engine.store}",
        doctor=doctor,
        ran=f"setup, doctor, lessons 00, 01 and 06, an audit, down; minimum API {MINIMUM_API}, as in Docker 29",
        not_shown="lessons 02 to 05; cgroup v2 and systemd",
    )
