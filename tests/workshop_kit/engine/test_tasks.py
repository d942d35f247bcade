"""Task definitions: a subset of Amazon ECS's JSON, read and checked, and run with its secrets from the store."""

from __future__ import annotations

import copy
import secrets
from typing import Any

import pytest
from pydantic import SecretStr

from workshop_kit.engine.aws import NotAllowed, NotThere
from workshop_kit.engine.session import Session
from workshop_kit.engine.store import Store
from workshop_kit.engine.tasks import ContainerDefinition, InvalidTask, TaskDefinition, keys, parse, resolve, run
from workshop_kit.errors import WorkshopError

IMAGE = "sha256:" + "0a" * 32
FIRST = "containerDefinitions[0]"
WHOLE: dict[str, Any] = {
    "family": "workshop-staging",
    "containerDefinitions": [
        {
            "name": "service",
            "image": f"workshop/app@{IMAGE}",
            "environment": [{"name": "LOG_LEVEL", "value": "debug"}, {"name": "EMPTY", "value": ""}],
            "secrets": [
                {"name": "REDIS_PASSWORD", "valueFrom": "/workshop/staging/redis/password"},
                {"name": "REDIS_HOST", "valueFrom": "/workshop/staging/redis/host"},
            ],
        }
    ],
}


def changed(**changes: Any) -> dict[str, Any]:
    """The whole definition with keys of its first container changed."""
    whole = copy.deepcopy(WHOLE)
    whole["containerDefinitions"][0] |= changes
    return whole


def problems(document: Any) -> list[str]:
    """What is wrong with a document, a sentence each."""
    with pytest.raises(InvalidTask) as caught:
        parse(document)
    assert caught.value.problems
    return list(caught.value.problems)


@pytest.mark.parametrize(
    ("document", "says"),
    [
        (changed(image="app:latest"), f"{FIRST}.image: has to name a digest"),
        (changed(environment=[{"name": "REDIS_HOST", "value": ""}]), f"{FIRST}: sets REDIS_HOST twice."),
        (
            changed(secrets=[{"name": "A", "value": "x"}]),
            f"{FIRST}.secrets[0]: has the unknown key 'value'. Did you mean 'valueFrom'?",
        ),
        (
            changed(secrets=[{"name": "A", "valueFrom": "arn:aws:secretsmanager:us-east-1:123456789012:secret:a"}]),
            f"{FIRST}.secrets[0].valueFrom: is in Secrets Manager",
        ),
        (changed(logConfiguration={}), f"{FIRST}: has the key 'logConfiguration', which Amazon ECS knows and"),
        ("{'family': 1}", "The document: Invalid JSON: "),
    ],
)
def test_a_mistake_is_one_sentence_with_its_place(document: Any, says: str) -> None:
    """The sentence names the place in JSON's own words; of an unknown key it says whether ECS has it."""
    assert problems(document)[0].startswith(says)


def test_no_value_is_repeated_in_a_problem() -> None:
    """A secret in the wrong place, as a value of any key, is in no sentence."""
    for key in keys(ContainerDefinition):
        for value in ({"a": "canary"}, [{"name": "canary value", "valueFrom": "canary value"}]):
            assert "canary" not in " ".join(problems(changed(**{key: value})))


SECRET = "/workshop/test/redis/password"
PLAIN = "/workshop/test/redis/host"


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
        "entryPoint": ["sleep", "600"],
        "environment": [{"name": "PLACE", "value": "here"}],
        "secrets": [
            {"name": "REDIS_PASSWORD", "valueFrom": SECRET},
            {"name": "REDIS_HOST", "valueFrom": f"arn:aws:ssm:us-east-1:123456789012:parameter{PLAIN}"},
        ],
        "stopTimeout": 0,
        "user": "10001:10001",
        **more,
    }
    return parse({"family": "test", "containerDefinitions": [container]})


def test_the_container_is_what_the_definition_says_and_inspect_shows_its_variables(
    session: Session, store: Store, image_id: str, canary: str
) -> None:
    """Limits, user, stop time and ports arrive; the rest is hardened.

    As on Amazon ECS the variables have the secrets' values; an ARN becomes the parameter's name.
    """
    task = definition(image_id, memory=64, cpu=256, portMappings=[{"containerPort": 9000}])
    with run(session, task, store) as running:
        inspected = running["waiter"].inspect()
        config, host = inspected["Config"], inspected["HostConfig"]
        found = dict(pair.split("=", 1) for pair in config["Env"])
        assert (found["REDIS_PASSWORD"], found["REDIS_HOST"], found["PLACE"]) == (canary, "redis.example", "here")
        assert (host["Memory"], host["MemorySwap"], host["NanoCpus"]) == (64 * 2**20, 64 * 2**20, 250_000_000)
        assert (config["User"], config["StopTimeout"]) == ("10001:10001", 0)
        assert (host["ReadonlyRootfs"], host["CapDrop"]) == (True, ["ALL"])
        assert running["waiter"].url(9000).startswith("http://127.0.0.1:")
        assert inspected["Image"] == image_id


def test_a_task_that_cannot_be_resolved_starts_nothing(
    session: Session, store: Store, image_id: str, canary: str
) -> None:
    """No parameter, no right: one sentence without a value, and no container. A spec's repr has no value."""
    before = session.ledger.entries()
    missing = definition(image_id, secrets=[{"name": "B", "valueFrom": "/workshop/test/no/such"}])
    wrong: list[tuple[type[WorkshopError], str, TaskDefinition, Store]] = [
        (NotThere, "no parameter /workshop/test/no/such", missing, store),
        (NotAllowed, "staging-reader may not read", definition(image_id), store.reader("staging")),
    ]
    for kind, says, task, asked in wrong:
        with pytest.raises(kind, match=says) as caught, run(session, task, asked):
            pass
        assert canary not in str(caught.value)
    assert canary not in repr(resolve(definition(image_id), store))
    assert session.ledger.entries() == before
