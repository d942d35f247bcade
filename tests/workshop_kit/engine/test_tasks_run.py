"""Running tasks: a container gets its secrets from the store when it starts."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import SecretStr

from tests.workshop_kit.engine.stores import running_store
from workshop_kit.engine.aws import Access, NotAllowed, NotThere
from workshop_kit.engine.containers import Running
from workshop_kit.engine.session import Session
from workshop_kit.engine.store import Store
from workshop_kit.engine.tasks.definition import TaskDefinition, parse
from workshop_kit.engine.tasks.run import resolve, run
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
    """The id of the base image."""
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
    """As on Amazon ECS: the process has the values, and `docker inspect` shows them."""
    with run(session, definition(image_id), store) as running:
        found = environment_of(running["waiter"])
        assert (found["REDIS_PASSWORD"], found["REDIS_HOST"], found["PLACE"]) == (canary, "redis.example", "here")
        assert f"REDIS_PASSWORD={canary}" in running["waiter"].inspect()["Config"]["Env"]


def test_delivered_as_files_the_secret_is_in_the_file_alone(
    session: Session, store: Store, image_id: str, canary: str
) -> None:
    """NAME_FILE names the file, the container's user can read it, and inspect and environ do not have the value."""
    with run(session, definition(image_id), store, delivery="files") as running:
        waiter = running["waiter"]
        found = environment_of(waiter)
        assert found["REDIS_PASSWORD_FILE"] == "/run/secrets/redis_password"
        assert found["REDIS_HOST"] == "redis.example"
        assert "REDIS_PASSWORD" not in found
        assert waiter.exec("cat", "/run/secrets/redis_password").output == canary
        assert canary not in str(waiter.inspect()) + str(found)
        assert [mount["Type"] for mount in waiter.inspect()["Mounts"]] == ["volume"]
        volume = waiter.inspect()["Mounts"][0]["Name"]
    assert volume not in [one.name for one in session.engine.client.volumes.list()]


def test_the_container_is_what_the_definition_says(session: Session, store: Store, image_id: str, canary: str) -> None:
    """Limits, user, stop time and ports arrive; the rest is hardened."""
    task = definition(image_id, memory=64, cpu=256, portMappings=[{"containerPort": 9000}])
    with run(session, task, store) as running:
        inspected = running["waiter"].inspect()
        config, host = inspected["Config"], inspected["HostConfig"]
        assert (host["Memory"], host["MemorySwap"], host["NanoCpus"]) == (64 * 2**20, 64 * 2**20, 250_000_000)
        assert (config["User"], config["StopTimeout"]) == ("10001:10001", 0)
        assert (host["ReadonlyRootfs"], host["CapDrop"]) == (True, ["ALL"])
        assert running["waiter"].url(9000).startswith("http://127.0.0.1:")
        assert inspected["Image"] == image_id


def test_no_secret_in_any_repr(store: Store, image_id: str, canary: str) -> None:
    """A resolved task can be printed without a secret."""
    for delivery in ("environment", "files"):
        (resolved,) = resolve(definition(image_id), store, delivery=delivery)
        assert "canary" not in repr(resolved)
        assert canary in {**resolved.environment, **resolved.files}.values()


def containers_of(session: Session) -> set[str]:
    """The containers that this session has made and not removed."""
    return {entry.id for entry in session.ledger.entries() if entry.kind == "container"}


def test_a_task_that_cannot_be_resolved_starts_nothing(
    session: Session, store: Store, image_id: str, canary: str
) -> None:
    """No parameter, no right, no store, an unknown delivery: one sentence without a value, and no container."""
    before = containers_of(session)
    other = [{"name": "A", "valueFrom": SECRET}, {"name": "B", "valueFrom": "/workshop/test/no/such"}]
    dead = Store(Access("http://127.0.0.1:9", key_id="AKIA", secret_key="x" * 20))
    missing = definition(image_id, secrets=other)
    wrong: list[tuple[type[WorkshopError], str, TaskDefinition, Store | None]] = [
        (NotThere, "no parameter /workshop/test/no/such", missing, store),
        (NotAllowed, "staging-reader may not read", definition(image_id), store.reader("staging")),
        (WorkshopError, "http://127.0.0.1:9 does not answer", definition(image_id), dead),
        (WrongUsage, "no store was given", definition(image_id), None),
    ]
    for kind, says, task, asked in wrong:
        with pytest.raises(kind, match=says) as caught, run(session, task, asked):
            pass
        assert "canary" not in str(caught.value)
    with pytest.raises(WrongUsage, match="'environment' or as 'files'"):
        resolve(definition(image_id), store, delivery="pigeon")  # type: ignore[arg-type]
    assert containers_of(session) == before
