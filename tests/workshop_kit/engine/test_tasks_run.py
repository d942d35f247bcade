"""Running tasks: secrets come from the store at start, one digest runs everywhere, rotation needs no other image."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from pydantic import SecretStr

from tests.workshop_kit.engine.stores import running_store
from workshop_kit.engine import store as stores
from workshop_kit.engine.aws import Access, NotAllowed, NotThere
from workshop_kit.engine.containers import Running
from workshop_kit.engine.session import Session
from workshop_kit.engine.stack import Stack
from workshop_kit.engine.store import Store
from workshop_kit.engine.tasks import environments as three
from workshop_kit.engine.tasks.definition import TaskDefinition, parse
from workshop_kit.engine.tasks.run import Task, resolve, run
from workshop_kit.errors import WorkshopError, WrongUsage

pytestmark = pytest.mark.engine

SHOW = "import os, time; print(dict(os.environ), flush=True); time.sleep(600)"
SECRET = "/workshop/test/redis/password"
PLAIN = "/workshop/test/redis/host"


@pytest.fixture(scope="module")
def store(session: Session, images: dict[str, str]) -> Iterator[Store]:
    """A store of this module's own, as its administrator."""
    with running_store(session, images["parameter_store"]) as store:
        yield store


@pytest.fixture
def canary(store: Store) -> str:
    """A secret in the store, other in every test."""
    value = f"canary-{secrets.token_hex(12)}"
    store.put(SECRET, SecretStr(value))
    store.put(PLAIN, "redis.example")
    return value


@pytest.fixture(scope="module")
def image_id(session: Session, images: dict[str, str]) -> str:
    """The id of the base image: Python, and nothing that minds its environment."""
    return str(session.engine.client.images.get(images["base"]).id)


def definition(image: str, **more: Any) -> TaskDefinition:
    """A task of one container that waits; its secret and its host are in the store."""
    container = {
        "name": "waiter",
        "image": image,
        "entryPoint": ["python3", "-c", SHOW],
        "environment": [{"name": "PLACE", "value": "here"}],
        "secrets": [{"name": "REDIS_PASSWORD", "valueFrom": SECRET}, {"name": "REDIS_HOST", "valueFrom": PLAIN}],
        "stopTimeout": 0,
        "user": "10001:10001",
        **more,
    }
    return parse({"family": "test", "containerDefinitions": [container]})


def environment_of(running: Running) -> dict[str, str]:
    """What the first process really has, and not what inspect says."""

    def has_begun() -> bool:
        """Whether its environment can be read: right after the start it could not, once on a busy machine."""
        said = running.exec("cat", "/proc/1/environ").output
        return "PATH=" in said and "_LIBCONTAINER_" not in said

    running.wait_until(has_begun, what="begin")
    said = running.exec("cat", "/proc/1/environ").output
    return dict(pair.split("=", 1) for pair in said.split("\0") if pair)


def test_delivered_as_variables_the_secret_shows_in_inspect(
    session: Session, store: Store, image_id: str, canary: str
) -> None:
    """As on Amazon ECS: the process has the values, and so has everybody who may say `docker inspect`."""
    with run(session, definition(image_id), store) as task:
        found = environment_of(task.first)
        assert (found["REDIS_PASSWORD"], found["REDIS_HOST"], found["PLACE"]) == (canary, "redis.example", "here")
        assert f"REDIS_PASSWORD={canary}" in task.first.inspect()["Config"]["Env"]


def test_delivered_as_files_the_secret_is_in_the_file_alone(
    session: Session, store: Store, image_id: str, canary: str
) -> None:
    """NAME_FILE names the file, the container's user can read it, and inspect and environ do not have the value."""
    with run(session, definition(image_id), store, delivery="files") as task:
        found = environment_of(task.first)
        assert found["REDIS_PASSWORD_FILE"] == "/run/secrets/redis_password"
        assert found["REDIS_HOST"] == "redis.example"
        assert "REDIS_PASSWORD" not in found
        assert task.first.exec("cat", "/run/secrets/redis_password").output == canary
        assert canary not in str(task.first.inspect()) + str(found)
        assert [mount["Type"] for mount in task.first.inspect()["Mounts"]] == ["volume"]
        volume = task.first.inspect()["Mounts"][0]["Name"]
    assert volume not in [one.name for one in session.engine.client.volumes.list()]


def test_the_container_is_what_the_definition_says(session: Session, store: Store, image_id: str, canary: str) -> None:
    """Limits, user, health check, stop time and ports arrive; what is not said is the hardened way."""
    check = {"command": ["CMD", "true"], "interval": 5, "timeout": 2, "retries": 2, "startPeriod": 5}
    task = definition(image_id, memory=64, cpu=256, healthCheck=check, portMappings=[{"containerPort": 9000}])
    with run(session, task, store) as running:
        running.wait_healthy()
        config, host = (running.first.inspect()[key] for key in ("Config", "HostConfig"))
        assert (host["Memory"], host["MemorySwap"], host["NanoCpus"]) == (64 * 2**20, 64 * 2**20, 250_000_000)
        assert (config["User"], config["StopTimeout"]) == ("10001:10001", 0)
        assert (host["ReadonlyRootfs"], host["CapDrop"]) == (True, ["ALL"])
        assert config["Healthcheck"]["Test"] == ["CMD", "true"]
        assert config["Healthcheck"]["Interval"] == 5_000_000_000
        assert running.url().startswith("http://127.0.0.1:")
        assert running.image_ids() == {"waiter": image_id}


def test_no_secret_in_any_repr(store: Store, image_id: str, canary: str) -> None:
    """A resolved task can be printed, and tells nothing."""
    for delivery in ("environment", "files"):
        (resolved,) = resolve(definition(image_id), store, delivery=delivery)
        assert "canary" not in repr(resolved)
        assert canary in {**resolved.environment, **resolved.files}.values()


def ours(session: Session) -> set[str]:
    """The containers that this session has made and not removed."""
    return {entry.id for entry in session.ledger.entries() if entry.kind == "container"}


def test_a_task_that_cannot_be_resolved_starts_nothing(
    session: Session, store: Store, image_id: str, canary: str
) -> None:
    """No parameter, no right, no store, an unknown delivery: one sentence without a value, and no container."""
    before = ours(session)
    other = [{"name": "A", "valueFrom": SECRET}, {"name": "B", "valueFrom": "/workshop/test/no/such"}]
    dead = Store(Access("http://127.0.0.1:9", key_id="AKIA", secret_key="x" * 20))
    wrong: dict[type[WorkshopError], tuple[str, Any]] = {
        NotThere: (
            "no parameter /workshop/test/no/such",
            lambda: run(session, definition(image_id, secrets=other), store),
        ),
        NotAllowed: (
            "staging-reader may not read",
            lambda: run(session, definition(image_id), store.reader("staging")),
        ),
        WorkshopError: ("http://127.0.0.1:9 does not answer", lambda: run(session, definition(image_id), dead)),
        WrongUsage: ("no store was given", lambda: run(session, definition(image_id))),
    }
    for kind, (says, attempt) in wrong.items():
        with pytest.raises(kind, match=says) as caught:
            attempt()
        assert "canary" not in str(caught.value)
    with pytest.raises(WrongUsage, match="'environment' or as 'files'"):
        run(session, definition(image_id), store, delivery="pigeon")  # type: ignore[arg-type]
    assert ours(session) == before


def test_rotation_takes_a_restart_and_no_other_image(
    session: Session, store: Store, image_id: str, canary: str
) -> None:
    """A restarted process keeps the old secret; a new container of the same digest has the new one."""

    def seen(task: Task) -> str:
        return task.first.exec("cat", "/run/secrets/redis_password").output.strip()

    with run(session, definition(image_id), store, delivery="files") as task:
        old, images_before = task.first.id, task.image_ids()
        store.rotate(SECRET, SecretStr("rotated"))
        task.first.container.restart(timeout=0)
        assert seen(task) == canary
        task.restart()
        assert seen(task) == "rotated"
        assert task.image_ids() == images_before == {"waiter": image_id}
        assert task.first.id != old
        assert old not in ours(session)


def test_a_restart_that_fails_leaves_the_old_one_running(
    session: Session, store: Store, image_id: str, canary: str
) -> None:
    """The parameter is gone when the task is restarted: said so, and what runs goes on running."""
    with run(session, definition(image_id), store) as task:
        old = task.first.id
        store.client("ssm").delete_parameter(Name=PLAIN)
        with pytest.raises(NotThere):
            task.restart()
        assert task.first.id == old
        assert task.first.inspect()["State"]["Running"]


@pytest.mark.long
def test_one_digest_runs_as_production_staging_and_qa(session: Session, stack: Stack, http: httpx.Client) -> None:
    """Side by side, each with its settings, its port and its level of logging, all of one image."""
    store = stores.start(stack)
    settings = three.three(stack)
    stores.seed(store, settings)
    image = stack.container("service").attrs["Image"]
    running: dict[str, Task] = {}
    try:
        for name, one in three.environments(image, settings).items():
            running[name] = run(session, one, store.reader(name), network=f"{stack.project}_default", delivery="files")
        for name, task in running.items():
            (port,) = task.definition.containers[0].ports
            task.first.wait_ready(port=port, within_seconds=60)
            assert port == int(str(settings[name]["http/port"]))
            assert http.get(f"{task.url()}/readyz").status_code == 200
        assert {found for task in running.values() for found in task.image_ids().values()} == {image}
        assert len({task.url() for task in running.values()}) == 3
        levels = {name: environment_of(task.first)["LOG_LEVEL"] for name, task in running.items()}
        assert levels == {"production": "info", "staging": "debug", "qa": "debug"}
    finally:
        for task in running.values():
            task.remove()
