"""The checks of lesson 02 on tasks.yaml: two-sided, and able to tell what is shared that must not be, or shows."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.workshop_kit.learn.exercise import trying
from workshop_kit.engine import store as stores
from workshop_kit.engine.stack import Stack
from workshop_kit.engine.tasks import environments
from workshop_kit.errors import WorkshopError, WrongUsage
from workshop_kit.learn.exercise import regions
from workshop_kit.learn.exercise.checks import config_fragment
from workshop_kit.learn.exercise.result import Verdict

LESSON, NAME = "02_configuration", "tasks.yaml"
DIGEST = "sha256:" + "a" * 64


def solved(root: Path) -> str:
    """The reference, as a participant would have it."""
    return regions.solved(trying.marked(root, NAME, LESSON))


@pytest.fixture(scope="session")
def with_store(participant: Stack) -> Stack:
    """The participant's stack, with its parameter store up."""
    stores.start(participant)
    return participant


@pytest.mark.engine
def test_a_start_from_the_store_leaves_nothing(with_store: Stack, root: Path) -> None:
    """The volumes that held the passwords are gone with the container."""
    with trying.leaving_nothing(with_store):
        assert trying.judge(with_store, "config.store", solved(root)).ruling is Verdict.PASSED


@pytest.mark.engine
@pytest.mark.parametrize(
    ("identifier", "symptom"),
    [
        ("config.environments", "staging asked for /workshop/production/master_db/password"),
        ("config.store", "knows the password"),
    ],
)
def test_the_starter_fails_with_its_symptom(with_store: Stack, root: Path, identifier: str, symptom: str) -> None:
    """It can be read, and it is wrong in the way people are wrong."""
    source = trying.marked(root, NAME, LESSON)
    text = regions.others_solved(regions.starter(source), source, identifier)
    judged = trying.judge(with_store, identifier, text)
    assert judged.ruling is Verdict.WRONG, judged
    assert symptom in judged.summary


@pytest.mark.engine
@pytest.mark.parametrize(
    ("old", "new", "verdict", "says"),
    [
        pytest.param("staging:\n  image: ${IMAGE}", "staging:\n  image: app:staging", Verdict.LUCKY, "own", id="a tag"),
        pytest.param(
            "valueFrom: /workshop/qa/redis/password",
            "valueFrom: /workshop/staging/redis/password",
            Verdict.WRONG,
            "qa asked for /workshop/staging/redis/password",
            id="one path",
        ),
        pytest.param(
            "valueFrom: /workshop/qa/http/port",
            "valueFrom: /workshop/qa/port",
            Verdict.WRONG,
            "no parameter",
            id="name",
        ),
        pytest.param(
            "    - { name: LOG_LEVEL, valueFrom: /workshop/staging/log/level }\n",
            "",
            Verdict.WRONG,
            "staging logs from info",
            id="one setting left out",
        ),
        pytest.param(
            "    - { name: HTTP_PORT, valueFrom: /workshop/staging/http/port }\n",
            "",
            Verdict.WRONG,
            "not ready on port 8081",
            id="the port left out",
        ),
        pytest.param("\nqa:\n", "\ntest:\n", Verdict.WRONG, "qa does not start", id="another name"),
        pytest.param("\nqa:\n", "\nqa:\n  cluster: small\n", Verdict.NOT_READABLE, "'cluster'", id="another key"),
        pytest.param("\nqa:\n", "\nqa: [\n", Verdict.NOT_READABLE, "no YAML", id="no YAML"),
    ],
)
def test_what_is_shared_or_forgotten_is_named(
    with_store: Stack, root: Path, old: str, new: str, verdict: Verdict, says: str
) -> None:
    """Which environment, and which path of the store."""
    text = solved(root)
    assert old in text
    judged = trying.judge(with_store, "config.environments", text.replace(old, new))
    assert judged.ruling is verdict, judged
    assert says in judged.summary


@pytest.mark.engine
def test_the_right_password_written_into_the_file_is_luck(with_store: Stack, root: Path) -> None:
    """Orders work, and the file and inspect show why they should not; what we say does not repeat it."""
    password = environments.settings_of(with_store)["master_db/password"]
    value = password if isinstance(password, str) else password.get_secret_value()
    old = "    - { name: MASTER_DB_PASSWORD, valueFrom: /workshop/desk/master_db/password }\n"
    text = solved(root)
    assert old in text
    own = f"  environment:\n    - {{ name: MASTER_DB_PASSWORD, value: '{value}' }}\n"
    head, tail = text.replace(old, "").split("desk:", 1)
    text = f"{head}desk:{tail.replace('  secrets:', f'{own}  secrets:', 1)}"
    judged = trying.judge(with_store, "config.store", text)
    assert judged.ruling is Verdict.LUCKY, judged
    assert [finding.passed for finding in judged.findings] == [False, True, False]
    assert value not in str(judged)


@pytest.mark.engine
@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        pytest.param("/workshop/desk/redis/password", "/workshop/desk/redis/pasword", "no parameter", id="no such"),
        pytest.param(
            "/workshop/desk/redis/password", "/workshop/qa/redis/password", "desk-reader may not", id="not its"
        ),
        pytest.param(
            "    - { name: REDIS_PASSWORD, valueFrom: /workshop/desk/redis/password }\n", "", "exit code 1", id="one"
        ),
    ],
)
def test_a_start_that_fails_says_why(with_store: Stack, root: Path, old: str, new: str, says: str) -> None:
    """A parameter that is not there, one that may not be read, one that was forgotten."""
    text = solved(root)
    assert old in text
    judged = trying.judge(with_store, "config.store", text.replace(old, new))
    assert judged.ruling is Verdict.DID_NOT_START, judged
    assert says in judged.summary


@pytest.mark.parametrize(
    "text",
    ["", "[1, 2]", "production: 3", "production: &a {image: x}\nqa: *a", "qa: {image: x, command: [sh]}", "\x00"],
)
def test_a_file_that_says_something_else_is_refused_in_a_sentence(text: str) -> None:
    """Only environments, and of each only what may differ."""
    with pytest.raises(WrongUsage) as refused:
        config_fragment.read(text)
    assert refused.value.next_step


@pytest.mark.parametrize(
    "one",
    [
        {"environment": 3},
        {"environment": [3]},
        {"environment": [{"name": ["x"], "value": "y"}]},
        {"secrets": {"name": "x"}},
        {"secrets": [None]},
        {"secrets": [{"name": "X", "valueFrom": "qa/redis"}]},
    ],
)
def test_a_definition_of_another_form_is_refused_and_never_crashes(one: dict[str, object]) -> None:
    """Whatever YAML may hold in these places."""
    with pytest.raises(WorkshopError):
        config_fragment.definition_of(one, DIGEST, {"MASTER_DB_HOST": "master-db"}, 8080)
    assert config_fragment.passwords(one) == []
    assert isinstance(config_fragment.elsewhere(one, "qa"), list)


def test_what_is_shared_is_added_and_does_not_win() -> None:
    """A definition that sets a variable itself, in either way, keeps its own."""
    one = {
        "environment": [{"name": "MASTER_DB_HOST", "value": "mine"}],
        "secrets": [{"name": "REDIS_HOST", "valueFrom": "/workshop/qa/redis/host"}],
    }
    shared = {"MASTER_DB_HOST": "theirs", "REDIS_HOST": "theirs", "REDIS_PORT": "6379"}
    container = config_fragment.definition_of(one, DIGEST, shared, 8082).containers[0]
    assert dict(container.environment) == {"MASTER_DB_HOST": "mine", "REDIS_PORT": "6379"}
    assert [secret.name for secret in container.secrets] == ["REDIS_HOST"]
    assert (container.image, container.ports) == (DIGEST, (8082,))
