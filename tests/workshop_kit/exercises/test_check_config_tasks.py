"""The checks of lesson 02 on tasks.yaml: able to tell what is shared that must not be, or shows."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import SecretStr

from tests.workshop_kit.exercises import trying
from workshop_kit.engine.aws import NotAllowed
from workshop_kit.engine.stack import Stack
from workshop_kit.engine.tasks import environments
from workshop_kit.errors import WorkshopError, WrongUsage
from workshop_kit.workspace import regions
from workshop_kit.exercises.checks import config_fragment, config_tasks
from workshop_kit.exercises.result import Verdict
from workshop_kit.paths import CHECKOUT

DIGEST = "sha256:" + "a" * 64
SOLVED = regions.solved(trying.marked(CHECKOUT, "tasks.yaml", "02_configuration"))
THREE = ("production", "staging", "qa")
OWN: dict[str, str | SecretStr] = {"http/port": "8082", "log/level": "warning", "redis/password": SecretStr("x")}


def changed(old: str, new: str) -> str:
    """The reference with a participant's mistake in it."""
    assert old in SOLVED
    return SOLVED.replace(old, new)


def test_an_image_of_its_own_and_a_password_in_the_file_are_named() -> None:
    """Everything may work, and the file shows why it should not."""
    fragment = config_fragment.read(changed("staging:\n  image: ${IMAGE}", "staging:\n  image: app:staging"))
    assert config_tasks._one_image(config_fragment.read(SOLVED)).passed
    assert "staging names an image of its own" in config_tasks._one_image(fragment).means
    fragment["qa"]["environment"] = [{"name": "REDIS_PASSWORD", "value": "hunter2"}]
    shown = config_tasks._no_passwords(fragment, *THREE)
    assert "qa: REDIS_PASSWORD" in shown.got
    assert "hunter2" not in str(shown)


@pytest.mark.parametrize(
    ("path", "refused", "says"),
    [
        ("/workshop/staging/redis/password", NotAllowed("No.", "Ask."), "qa asked for /workshop/staging/redis/passw"),
        ("/workshop/qa/port", WorkshopError("There is no parameter."), "qa does not start: There is no parameter."),
        ("/workshop/qa/port", WorkshopError("tasks.yaml has no qa."), "qa does not start: tasks.yaml has no qa."),
    ],
)
def test_what_is_shared_or_forgotten_is_named(path: str, refused: WorkshopError, says: str) -> None:
    """Which environment, and which path of the store."""
    definition: dict[str, Any] = {"secrets": [{"name": "X", "valueFrom": path}]}
    finding = config_tasks._start("qa", OWN, definition, refused)
    assert not finding.passed
    assert finding.means.startswith(says)


@pytest.mark.long
@pytest.mark.engine
def test_the_right_password_written_into_the_file_is_luck(participant: Stack) -> None:
    """Orders work, and the file and inspect show why they should not; what we say does not repeat it."""
    password = environments.settings_of(participant)["master_db/password"]
    value = password if isinstance(password, str) else password.get_secret_value()
    text = changed("    - { name: MASTER_DB_PASSWORD, valueFrom: /workshop/desk/master_db/password }\n", "")
    own = f"  environment:\n    - {{ name: MASTER_DB_PASSWORD, value: '{value}' }}\n"
    head, tail = text.split("desk:", 1)
    text = f"{head}desk:{tail.replace('  secrets:', f'{own}  secrets:', 1)}"
    judged = trying.judge(participant, "config.store", text)
    assert judged.verdict is Verdict.LUCKY, judged
    assert [finding.passed for finding in judged.findings] == [False, True, False]
    assert value not in str(judged)


@pytest.mark.parametrize("text", ["", "[1, 2]", "production: 3", "production: &a {image: x}\nqa: *a", "\x00", "qa: ["])
def test_a_file_that_says_something_else_is_refused_in_a_sentence(text: str) -> None:
    """Only environments, and of each only what may differ."""
    with pytest.raises(WrongUsage) as refused:
        config_fragment.read(text)
    assert refused.value.next_step


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
