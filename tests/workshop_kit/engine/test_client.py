"""The participant's client is the SDK's, with five additions, for one of several workspaces on an engine."""

from __future__ import annotations

import re
import secrets
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from docker.errors import BuildError, ContainerError, NotFound

from tests.workshop_kit.engine import kernels
from workshop_kit import provision
from workshop_kit.engine import builder, cleanup, recipes
from workshop_kit.engine.client import WorkspaceClient
from workshop_kit.engine.client_containers import WorkspaceContainer
from workshop_kit.engine.labels import COMPOSE_PROJECT, Identity
from workshop_kit.engine.reach import Engine
from workshop_kit.engine.session import Session
from workshop_kit.engine.stack import Stack
from workshop_kit.workspace.folder import Workspace

SLEEP = ["python3", "-c", "import time; time.sleep(600)"]


NO_HOST = 'failed to do request: Head "https://registry-1.docker.io/v2/": dial tcp: lookup: no such host'
DENIED = "pull access denied, repository does not exist or may require authorization: server message: denied"


def unresolved(image: str, reason: str = NO_HOST) -> str:
    """What BuildKit says of an image that no registry gave it."""
    short = image.removeprefix("docker.io/library/")
    return f"ERROR: failed to solve: {short}: failed to resolve source metadata for {image}: {reason}\n"


@pytest.mark.parametrize(
    ("log", "pattern"),
    [
        (
            unresolved("docker.io/library/python:3.13"),
            f"python:3.13 is not on this engine .* BASE={recipes.PYTHON_ALIAS}",
        ),
        (unresolved(f"docker.io/{recipes.PYTHON_ALIAS}", DENIED), r"run \./workshop setup"),
        (
            "#2 resolve image config for docker-image://docker.io/docker/dockerfile:1\n#2 ERROR: no such host\n"
            + unresolved("docker.io/docker/dockerfile:1"),
            "`# syntax=docker/dockerfile:1` .* delete that line",
        ),
        ('ERROR: failed to solve: process "/bin/sh -c false" did not complete successfully: exit code: 1', None),
    ],
)
def test_what_a_registry_would_have_given_is_named_with_what_there_is(log: str, pattern: str | None) -> None:
    """One sentence; None for a build that failed for another reason."""
    sentence = builder.explain_build_error(log)
    assert (sentence is None) == (pattern is None)
    assert re.search(pattern or "", sentence or "")


def test_a_name_gets_the_project_in_front_once() -> None:
    """What was typed and what the engine shows lead to the same thing; a registry's address stays as it is."""
    names = Identity("1a2b3c4d")
    assert names.real_name("orders") == names.real_name(names.real_name("orders")) == "workshop-1a2b3c4d-orders"
    assert names.real_name("workshop-1a2b3c4d5-orders") == "workshop-1a2b3c4d-workshop-1a2b3c4d5-orders"
    real = "localhost/workshop-1a2b3c4d/my-service:1"
    for tag in ("my-service:1", "workshop-1a2b3c4d/my-service:1", real):
        assert names.real_tag(tag) == real
    assert names.versioned_tag("shop/api") == "localhost/workshop-1a2b3c4d/shop/api:latest"
    assert names.real_tag("workshop-1a2b3c4d-my-service") == "workshop-1a2b3c4d-my-service"  # as compose names it
    for address in ("ghcr.io/shop/api:1", "localhost/api", "127.0.0.1:5000/api"):
        assert names.real_tag(address) == address


def test_statistics_of_a_stopped_container_are_empty() -> None:
    """As with Docker: Podman answers 200 with the cause in place of numbers."""
    api = SimpleNamespace(stats=lambda _id, **_options: {"cause": "container is stopped", "response": 500})
    container = WorkspaceContainer(attrs={"Id": "0a1b"}, client=SimpleNamespace(api=api))
    assert container.stats(stream=False)["memory_stats"] == {}


@pytest.fixture
def client_of(engine: Engine, images: dict[str, str], tmp_path: Path) -> Iterator[Callable[[str], WorkspaceClient]]:
    """Return the client of a workspace by its name; clean-up must remove everything of each."""
    sessions: dict[str, Session] = {}

    def client_of(name: str) -> WorkspaceClient:
        session = provision.session_of(Workspace.open(tmp_path / name), engine)
        return WorkspaceClient(sessions.setdefault(name, session))

    yield client_of
    for session in sessions.values():
        assert not cleanup.remove(session, {"kernel", "workspace"}).left
        assert kernels.things(engine, session.identity.workspace_id) == []


@pytest.fixture
def client(client_of: Callable[[str], WorkspaceClient]) -> WorkspaceClient:
    """The client of one workspace."""
    return client_of("one")


@pytest.mark.engine
def test_output_is_read_at_the_end(client: WorkspaceClient) -> None:
    """As the SDK's ``run``: its streams, its error, its removal. Podman misses a fifth of the outputs otherwise."""
    command = ["sh", "-c", "echo out; echo err >&2"]
    assert client.containers.run(recipes.PYTHON_ALIAS, command, remove=True) == b"out\n"
    assert client.containers.run(recipes.PYTHON_ALIAS, command, remove=True, stdout=False, stderr=True) == b"err\n"
    with pytest.raises(ContainerError) as failure:
        client.containers.run(recipes.PYTHON_ALIAS, ["sh", "-c", "echo err >&2; exit 3"], remove=True)
    assert (failure.value.exit_status, failure.value.stderr) == (3, b"err\n")
    assert client.containers.list(all=True) == []


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A small service with a package to install; no build of it is in the builder's cache yet."""
    folder = tmp_path / "my_service"
    folder.mkdir()
    (folder / "requirements.txt").write_text("iniconfig\n")
    (folder / "unique").write_text(secrets.token_hex(8))
    (folder / "app.py").write_text("print('taken', flush=True)\n")
    (folder / "Dockerfile").write_text(
        f"FROM {recipes.PYTHON_ALIAS}\nWORKDIR /app\nCOPY . .\nRUN pip install -r requirements.txt\n"
        'CMD ["python", "-c", "import iniconfig, app"]\n'
    )
    return folder


def test_a_dockerfile_is_built_offline_run_and_replaced(client: WorkspaceClient, folder: Path) -> None:
    """The image has its packages; the steps are told; an unchanged build keeps the id, a changed one its tag alone."""
    image, steps = client.images.build(path=folder, tag="my-service:1")
    output = "".join(step["stream"] for step in steps)
    assert "[4/4] RUN pip install -r requirements.txt" in output
    assert "Successfully installed" in output
    assert client.containers.run("my-service:1") == b"taken\n"
    assert client.images.get("my-service:1").id == image.id
    assert [listed_image.id for listed_image in client.images.list("my-service")] == [image.id]
    assert client.images.build(path=str(folder), tag="my-service:1")[0].id == image.id

    (folder / "app.py").write_text("print('changed', flush=True)\n")
    for container in client.containers.list(all=True):
        container.remove()
    changed, _ = client.images.build(path=folder, tag="my-service:1")
    assert client.images.get("my-service:1").id == changed.id != image.id
    with pytest.raises(NotFound):
        client.images.get(image.id)


def test_a_build_that_fails_is_the_sdks_error_with_the_reason(client: WorkspaceClient, folder: Path) -> None:
    """Its type and log are the SDK's; notes have the last lines, and the packages there are where a wheel is absent."""
    (folder / "requirements.txt").write_text("flask\n")
    with pytest.raises(BuildError) as caught:
        client.images.build(path=folder, tag="my-service:1")
    assert type(caught.value) is BuildError
    assert "RUN pip install" in "".join(step["stream"] for step in caught.value.build_log)
    assert "Could not find a version" in caught.value.__notes__[0]
    assert "There is no wheel of flask" in caught.value.__notes__[-1]
    assert kernels.things(client.session.engine, client.session.identity.workspace_id) == []


def test_a_container_is_found_by_its_name_replaced_and_reached(client: WorkspaceClient, images: dict[str, str]) -> None:
    """It is found by its typed and its real name, replaced under either, and reached from this machine alone."""
    first = client.containers.run(images["base"], SLEEP, name="shop", detach=True, ports={"8080/tcp": None})
    assert first.name == client.names.real_name("shop")
    second = client.containers.run(images["base"], SLEEP, name="shop", detach=True, ports={"8080/tcp": None})
    assert client.containers.get("shop").id == client.containers.get(second.name).id == second.id
    assert [container.id for container in client.containers.list(all=True, filters={"name": "shop"})] == [second.id]
    second.reload()
    assert [binding["HostIp"] for binding in second.ports["8080/tcp"]] == ["127.0.0.1"]
    look = ["python3", "-c", "import socket; print(socket.gethostbyname('shop'))"]
    address = second.attrs["NetworkSettings"]["Networks"][f"{client.names.project}_default"]["IPAddress"]
    assert client.containers.run(images["base"], look, remove=True).decode().strip() == address


def test_a_network_is_replaced_and_a_volume_kept(client: WorkspaceClient, images: dict[str, str]) -> None:
    """A cell that makes them can be run again: the network is a new one, the volume holds what was written."""
    first = client.networks.create("back")
    client.containers.run(images["base"], SLEEP, name="shop", detach=True, network="back", volumes=["orders:/data"])
    assert client.networks.create("back").id != first.id
    client.containers.get("shop").exec_run(["touch", "/data/one"])
    client.volumes.create("orders")
    output = client.containers.run(images["base"], ["ls", "/data"], volumes={"orders": {"bind": "/data"}}, remove=True)
    assert output == b"one\n"


def test_two_workspaces_use_the_same_names_side_by_side(
    client_of: Callable[[str], WorkspaceClient], images: dict[str, str], folder: Path
) -> None:
    """The same names in both: each sees, replaces and removes its own."""
    first = client_of("one")
    two = client_of("two")
    for client in (first, two):
        client.images.build(path=folder, tag="my-service:1")
        client.containers.run("my-service:1", SLEEP, name="my-service", detach=True)
    with pytest.raises(NotFound):
        first.containers.get(two.containers.get("my-service").name)
    theirs = two.containers.get("my-service").id
    first.containers.run("my-service:1", SLEEP, name="my-service", detach=True)
    assert [container.id for container in two.containers.list()] == [theirs]
    assert len(first.containers.list()) == 1
    cleanup.remove(first.session, {"kernel", "workspace"})
    assert [container.id for container in two.containers.list()] == [theirs]
    assert two.images.get("my-service:1")


def test_down_takes_what_compose_made_in_the_folder(client: WorkspaceClient, folder: Path, tmp_path: Path) -> None:
    """Its containers, network, volumes and images go, by the project's name in ``.env``; the client lists them."""
    own = Workspace.open(tmp_path / "one").service_folder()
    for file in folder.iterdir():
        (own / file.name).write_bytes(file.read_bytes())
    (own / "compose.yaml").write_text(
        "services: {shop: {build: ., command: [sleep, '600'], volumes: ['data:/data']}}\nvolumes: {data: {}}\n"
    )
    subprocess.run(["docker", "compose", "up", "--detach"], cwd=own, check=True, capture_output=True)
    project = client.session.identity.service_project
    assert [container.labels[COMPOSE_PROJECT] for container in client.containers.list()] == [project]
    removed = cleanup.remove(client.session, {"workspace"}).removed
    assert sorted(entry.kind for entry in removed) == ["container", "image", "network", "volume"]
    assert all(entry.name.startswith(project) for entry in removed)


def test_the_stack_comes_up_in_a_network_that_the_client_made(
    client_of: Callable[[str], WorkspaceClient], images: dict[str, str], stack: Stack
) -> None:
    """Compose takes the client's network for its own; the client finds the stack's services by their names."""
    mine = WorkspaceClient(stack.session)
    assert mine.containers.get("redis").id == stack.container("redis").id
    fresh = client_of("fresh")
    fresh.containers.run(images["base"], ["true"])
    fresh_stack = provision.stack_of(Workspace.open(fresh.session.folder.parent), fresh.session)
    fresh_stack.up("redis")
    assert f"{fresh.names.project}_default" in fresh_stack.container("redis").attrs["NetworkSettings"]["Networks"]
