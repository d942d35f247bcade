"""Single containers: hardened unless told otherwise; task definitions, a subset of Amazon ECS's, with their secrets."""

from __future__ import annotations

import secrets
from typing import Any

import pytest
from pydantic import SecretStr

from workshop_kit.engine import containers
from workshop_kit.engine.containers import Spec
from workshop_kit.engine.parameter_store import Store
from workshop_kit.engine.session import Session
from workshop_kit.engine.tasks import ContainerDefinition, parse, run
from workshop_kit.errors import WorkshopError, WrongUsage

SERVE = ("python3", "-m", "http.server", "8080", "--directory", "/usr/share/doc")


def test_the_default_is_hardened_and_reached_from_this_machine_alone(session: Session, images: dict[str, str]) -> None:
    """Read-only root, no capabilities, limits on memory, CPU and processes; a published port is a free one."""
    with containers.run(session, Spec(images["base"], command=SERVE, ports=(8080,))) as running:
        assert running.wait_ready("/") < 20
        inspected = running.inspect()
        host = inspected["HostConfig"]
        assert host["ReadonlyRootfs"]
        assert host["CapDrop"] == ["ALL"]
        assert "no-new-privileges:true" in host["SecurityOpt"]
        assert (host["Memory"], host["NanoCpus"], host["PidsLimit"]) == (256 * 1024**2, 1_000_000_000, 100)
        assert running.exec("touch", "/here").exit_code != 0
        assert running.exec("touch", "/tmp/here").exit_code == 0
        assert {binding["HostIp"] for binding in inspected["NetworkSettings"]["Ports"]["8080/tcp"]} == {"127.0.0.1"}
        with pytest.raises(WorkshopError, match="Port 9999"):
            running.url(9999)


def test_what_the_engine_refuses_is_one_sentence_and_leaves_nothing(session: Session, images: dict[str, str]) -> None:
    """A memory limit under the engine's minimum: its own words, and no container left behind."""
    before = session.ledger.entries()
    with pytest.raises(WorkshopError, match="engine refused"):
        containers.run(session, Spec(images["base"], memory_bytes=1024))
    with pytest.raises(WorkshopError, match="engine refused"):
        containers.run(session, Spec(images["base"], command=("no-such-program",)))
    assert session.ledger.entries() == before


SECRET = "/workshop/test/redis/password"
PLAIN = "/workshop/test/redis/host"
PLACE: dict[str, Any] = {"network": "bridge", "port": 9000}


def definition(**changes: Any) -> dict[str, Any]:
    """A definition whose secret and host are in the store, with some keys changed."""
    host = f"arn:aws:ssm:us-east-1:123456789012:parameter{PLAIN}"
    references = [{"name": "REDIS_PASSWORD", "valueFrom": SECRET}, {"name": "REDIS_HOST", "valueFrom": host}]
    return {"image": "base", "environment": [{"name": "EMPTY", "value": ""}], "secrets": references, **changes}


def problems(document: dict[str, Any]) -> str:
    """What is wrong with a document, a sentence for each mistake."""
    with pytest.raises(WrongUsage) as caught:
        parse(document)
    return caught.value.what


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"environment": [{"name": "REDIS_HOST", "value": ""}]}, "The definition: sets REDIS_HOST twice."),
        (
            {"secrets": [{"name": "A", "value": "x"}]},
            "secrets[0]: has the unknown key 'value'. Did you mean 'valueFrom'?",
        ),
        (
            {"secrets": [{"name": "A", "valueFrom": "arn:aws:secretsmanager:us-east-1:123456789012:secret:a"}]},
            "secrets[0].valueFrom: has to be a parameter's name",
        ),
        ({"logConfiguration": {}}, "The definition: has the key 'logConfiguration', which Amazon ECS knows and"),
    ],
)
def test_a_mistake_is_one_sentence_with_its_place(changes: dict[str, Any], says: str) -> None:
    """The sentence names the place in JSON's own words; of an unknown key it says whether ECS has it."""
    assert problems(definition(**changes)).startswith(f"The task definition cannot be used. {says}")


def test_no_value_is_repeated_in_a_problem() -> None:
    """A secret in the wrong place, as a value of any key, is in no sentence."""
    for key in ContainerDefinition.model_fields:
        for value in ({"a": "canary"}, [{"name": "canary value", "valueFrom": "canary value"}]):
            assert "canary" not in problems(definition(**{key: value}))


@pytest.fixture
def canary(store: Store) -> str:
    """A secret in the store, other in every test."""
    value = f"canary-{secrets.token_hex(12)}"
    store.put(SECRET, SecretStr(value))
    store.put(PLAIN, "redis.example")
    return value


def test_the_variables_have_the_values_and_inspect_shows_them(
    session: Session, store: Store, images: dict[str, str], canary: str
) -> None:
    """As on Amazon ECS; an ARN becomes the parameter's name."""
    with run(session, parse(definition(image=images["parameter_store"])), store, **PLACE) as running:
        inspected = running.inspect()
    variables = dict(pair.split("=", 1) for pair in inspected["Config"]["Env"])
    assert (variables["REDIS_PASSWORD"], variables["REDIS_HOST"], variables["EMPTY"]) == (canary, "redis.example", "")
    assert inspected["HostConfig"]["PortBindings"]["9000/tcp"][0]["HostIp"] == "127.0.0.1"


def test_a_task_that_cannot_be_resolved_starts_nothing(
    session: Session, store: Store, images: dict[str, str], canary: str
) -> None:
    """No parameter, no right: one sentence without a value, and no container."""
    before = session.ledger.entries()
    base = images["base"]
    missing = definition(image=base, secrets=[{"name": "B", "valueFrom": "/workshop/test/no/such"}])
    for says, document, asked in (
        ("no such parameter: could not read /workshop/test/no/such", missing, store),
        ("staging-reader may not read", definition(image=base), store.reader("staging")),
    ):
        with pytest.raises(WorkshopError, match=says) as caught:
            run(session, parse(document), asked, **PLACE)
        assert canary not in str(caught.value)
    assert session.ledger.entries() == before
