"""The dev container: the CLI of its makers brings it up, without a network, on an engine that tests may spoil."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.commands import copy_of_the_checkout, npm_package, run
from tests.private_engine import PrivateEngine, private_engine
from workshop_kit.engine import images as engine_images
from workshop_kit.engine.images import build_folder
from workshop_kit.engine.session import Session

pytestmark = [pytest.mark.engine, pytest.mark.long, pytest.mark.timeout(900)]
CLI = ("@devcontainers/cli", "0.89.0")
FOLDER = Path(".devcontainer")
REPOSITORY = "workshop-devcontainer-of-the-tests"
VERSION = ("docker", "version", "--format", "{{.Server.Version}}")


@dataclass(frozen=True)
class DevContainer:
    """A dev container that is up; ``id`` is its container on the engine ``own``."""

    own: PrivateEngine
    cli: Path
    checkout: Path
    id: str

    def run(self, *words: str) -> str:
        """Run a command in it, as a terminal of the editor does."""
        return call(self.own, self.cli, "exec", self.checkout, *words)


def call(own: PrivateEngine, cli: Path, verb: str, checkout: Path, *words: str) -> str:
    """Run the CLI where there is no network; return its output."""
    command = own.inside("node", str(cli / "devcontainer.js"), verb, "--workspace-folder", str(checkout), *words)
    return run(*command, DOCKER_HOST=own.address)


@pytest.fixture(scope="module")
def image(session: Session, images: dict[str, str], root: Path) -> str:
    """The image of the dev container, on the workshop's own base."""
    proxies = engine_images.proxy_settings(os.environ)
    words = [f"--file={root / FOLDER / 'Dockerfile'}", f"--build-arg=DEBIAN={images['base']}"]
    words += [f"--build-arg={key}" for key in proxies]
    tag = f"{REPOSITORY}:{session.identity.workspace_id}"
    build_folder(session, root, tag, *words, environment=proxies)
    return tag


@pytest.fixture(scope="module")
def devcontainer(image: str, session: Session, tmp_path_factory: pytest.TempPathFactory) -> Iterator[DevContainer]:
    """A checkout's dev container, built on an image that has the packages already, since there is no network.

    ``./workshop setup`` needs one, too: what runs at creation instead asks the engine.
    """
    folder = tmp_path_factory.mktemp("devcontainer")
    cli = npm_package(folder, *CLI)
    checkout = copy_of_the_checkout(folder / "checkout")
    file = checkout / FOLDER / "devcontainer.json"
    settings = json.loads(file.read_text())
    settings["build"]["args"] = {"DEBIAN": image}
    settings["onCreateCommand"] = "docker version"
    file.write_text(json.dumps(settings))
    with private_engine() as own:
        own.load(session.engine, [image])
        answer = json.loads(call(own, cli, "up", checkout, "--skip-post-attach").splitlines()[-1])
        assert answer["outcome"] == "success"
        yield DevContainer(own, cli, checkout, answer["containerId"])


def test_it_has_an_engine_of_its_own(devcontainer: DevContainer) -> None:
    """The engine in it answers, and has none of the containers outside."""
    assert devcontainer.run(*VERSION).strip()
    assert devcontainer.run("docker", "ps", "--all", "--quiet") == ""


def test_the_workshop_is_in_it(devcontainer: DevContainer) -> None:
    """The folder that opens is the checkout, and its Python is new enough for the launcher."""
    assert "00_start" in devcontainer.run("./workshop", "plan")


def test_the_engine_is_there_after_every_start(devcontainer: DevContainer) -> None:
    """A dev container that was stopped and started again has its engine, and what the engine kept."""
    devcontainer.run("docker", "volume", "create", "kept")
    devcontainer.own.client().containers.get(devcontainer.id).restart()
    answered = "until docker version > /dev/null 2>&1; do sleep 0.2; done; docker volume ls --quiet"
    assert devcontainer.run("sh", "-c", answered).strip() == "kept"
