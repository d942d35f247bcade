"""The newest Docker of Debian, with either image store and the minimum API of Docker 29, on a private engine.

Its engine, command, BuildKit's plugin and Compose are those of its packages, unpacked beside the system: they come from
the mirror of the machine's own apt, with the suite replaced, and nothing of the machine changes.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.commands import copy_of_the_checkout, run
from tests.private_engine import CONTAINERD_STORE, PrivateEngine, private_engine
from workshop_kit.engine.labels import COMPOSE_SERVICE
from workshop_kit.engine.reach import Engine
from workshop_kit.paths import CHECKOUT

pytestmark = [pytest.mark.engine, pytest.mark.engines, pytest.mark.timeout(1200)]
STORES: dict[str, Mapping[str, Any]] = {"overlay2": {}, "containerd's store": CONTAINERD_STORE}
MINIMUM_API = "1.44"
"""Docker 29 refuses older clients; Docker 28 does with this setting."""
DATA_BYTES = 8 * 1024**3
SUITE = "sid"
PACKAGES = ("docker.io", "docker-cli", "docker-buildx", "docker-compose", "containerd", "runc", "tini-static")


def unpack_newest(folder: Path) -> dict[str, str]:
    """Unpack the newest Docker below ``folder``; return the variables with which a program finds it."""
    template = "--format=$(SUITE) $(REPO_URI) $(SIGNED_BY)"
    targets = run("apt-get", "indextargets", template, "Created-By: Packages", "Component: main").splitlines()
    _, mirror, *key = next(target.split() for target in targets if "-" not in target.split()[0])
    option = f"[signed-by={key[0]}] " if key else ""
    (folder / "sources.list").write_text(f"deb {option}{mirror} {SUITE} main\n")
    (folder / "status").touch()
    (folder / "lists" / "partial").mkdir(parents=True)

    settings = {
        "Dir::Etc::SourceList": folder / "sources.list",
        "Dir::Etc::SourceParts": "/dev/null",
        "Dir::State::Lists": folder / "lists",
        "Dir::State::Status": folder / "status",
        "Dir::Cache": folder / "cache",
        "APT::Sandbox::User": "root",
        "APT::Update::Error-Mode": "any",
    }
    options = [f"-o={key}={value}" for key, value in settings.items()]
    run("apt-get", *options, "update")
    subprocess.run(["apt-get", *options, "download", *PACKAGES], cwd=folder, check=True)
    for package in folder.glob("*.deb"):
        run("dpkg-deb", "--extract", package, folder)

    plugins = {"cliPluginsExtraDirs": [str(folder / "usr" / "libexec" / "docker" / "cli-plugins")]}
    (folder / "config.json").write_text(json.dumps(plugins))
    programs = os.pathsep.join([str(folder / "usr" / "bin"), str(folder / "usr" / "sbin"), os.environ["PATH"]])
    return {"PATH": programs, "DOCKER_CONFIG": str(folder)}


@dataclass(frozen=True)
class NewestEngine:
    """A private engine of the newest Docker, and a checkout whose workspace is on it."""

    own: PrivateEngine
    newest: dict[str, str]
    checkout: Path

    def workshop(self, *words: str) -> str:
        """Run ``./workshop`` of the checkout; return what it prints."""
        ran = self.own.workshop(self.checkout, *words, **self.newest)
        assert ran.returncode == 0, f"{ran.stdout}\n{ran.stderr}"
        return ran.stdout + ran.stderr

    def compose(self, *words: str) -> None:
        """Run ``docker compose`` in the checkout, as it is used by hand."""
        run(
            *self.own.inside("env", "--chdir", str(self.checkout), "docker", "compose", *words),
            **self.newest,
            DOCKER_HOST=self.own.address,
        )


@pytest.fixture(scope="module")
def newest(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The variables of the newest Docker; where Debian's mirror cannot be reached, this fails."""
    return unpack_newest(tmp_path_factory.mktemp("newest"))


@pytest.fixture(params=STORES)
def newest_engine(
    request: pytest.FixtureRequest, newest: dict[str, str], engine: Engine, images: dict[str, str], tmp_path: Path
) -> Iterator[NewestEngine]:
    """A private engine with one of the stores, and the workshop's images in it."""
    checkout = copy_of_the_checkout(tmp_path / "my checkout")
    (checkout / ".venv").symlink_to(CHECKOUT / ".venv")
    environment = {**newest, "DOCKER_MIN_API_VERSION": MINIMUM_API}
    with private_engine(DATA_BYTES, daemon=STORES[request.param], environment=environment) as own:
        own.load(engine, images.values())
        yield NewestEngine(own, newest, checkout)


def test_lessons_and_an_audit(newest_engine: NewestEngine) -> None:
    """Lessons 00 and 01 pass, a container with mounted files is audited, and `down` leaves nothing."""
    client = newest_engine.own.client()
    assert client.version()["MinAPIVersion"] == MINIMUM_API

    newest_engine.workshop("setup")
    newest_engine.workshop("doctor")
    newest_engine.workshop("tour", "00", "01")

    newest_engine.compose("up", "--detach", "--wait")
    (service,) = client.containers.list(filters={"label": f"{COMPOSE_SERVICE}=service"})
    assert service.attrs["Mounts"]
    newest_engine.workshop("audit", str(service.name), "--fail-on", "never")

    newest_engine.workshop("down")
    assert client.containers.list(all=True) == []
    assert client.volumes.list() == []
    assert {network.name for network in client.networks.list()} == {"bridge", "host", "none"}
