"""A mistake in the settings of an image gives one sentence and exit code 1."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from tests.images.container_state import assert_refused

pytestmark = pytest.mark.engine

MARIADB = {
    "MARIADB_DATABASE": "workshop",
    "MARIADB_USER": "orders",
    "MARIADB_PASSWORD_FILE": "/run/secrets/password",
    "MARIADB_SCHEMA_FILE": "/run/secrets/schema.sql",
}
REPLICA = {"MARIADB_REPLICATION_PASSWORD_FILE": "/run/secrets/password", "MARIADB_MASTER_HOST": "master"}
MONITORING = {"MONITORING_PASSWORD_FILE": "/run/secrets/password", "REDIS_ADDRESS": "nobody:6379"}


@dataclass(frozen=True)
class Mistake:
    """An image, its wrong settings, the sentence, and the files and arguments that it gets."""

    image: str
    settings: dict[str, str]
    sentence: str
    password: str = "x"
    schema: str = ""
    arguments: dict[str, Any] = field(default_factory=dict)


MISTAKES = {
    "no password file": Mistake(
        "mariadb", MARIADB | {"MARIADB_PASSWORD_FILE": ""}, "mariadb: MARIADB_PASSWORD_FILE is not set"
    ),
    "quote in the database's name": Mistake(
        "mariadb", MARIADB | {"MARIADB_DATABASE": "a`; DROP"}, "MARIADB_DATABASE is not usable as a name"
    ),
    "half a statement": Mistake(
        "mariadb", MARIADB, "MARIADB_SCHEMA_FILE ends inside a statement", schema="CREATE TABLE t (\n"
    ),
    "quote in the master's name": Mistake(
        "mariadb", REPLICA | {"MARIADB_MASTER_HOST": "o'neill"}, "MARIADB_MASTER_HOST is not usable"
    ),
    "long replication password": Mistake(
        "mariadb", REPLICA, "MARIADB_REPLICATION_PASSWORD_FILE holds too long a password", password="x" * 97
    ),
    "redis without a password file": Mistake(
        "redis", {"REDIS_PASSWORD_FILE": ""}, "redis: REDIS_PASSWORD_FILE is not set"
    ),
    "a folder as password file": Mistake(
        "redis", {"REDIS_PASSWORD_FILE": "/run/secrets"}, "cannot be read (Is a directory)"
    ),
    "empty password": Mistake(
        "redis",
        {"REDIS_PASSWORD_FILE": "/run/secrets/password"},
        "REDIS_PASSWORD_FILE names an empty file",
        password="\r\n",
    ),
    "no key file": Mistake(
        "parameter_store",
        {"PARAMETER_STORE_KEY_FILE": ""},
        "parameter_store: PARAMETER_STORE_KEY_FILE is not set",
    ),
    "short key": Mistake(
        "parameter_store",
        {"PARAMETER_STORE_KEY_FILE": "/run/secrets/password"},
        "is shorter than 16 characters",
        password="x" * 15,
    ),
    "unknown program": Mistake(
        "prometheus", MONITORING, "there is no program 'grafana'", arguments={"command": ["grafana"]}
    ),
    "empty monitoring password": Mistake(
        "prometheus", MONITORING, "names an empty file", password="\n", arguments={"command": ["mysqld"]}
    ),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_one_sentence(
    hardened: Callable[..., Any], images: dict[str, str], volume: Callable[[], str], name: str
) -> None:
    """The log has the sentence and nothing else."""
    mistake = MISTAKES[name]
    files = {"password": mistake.password, "schema.sql": mistake.schema}
    volumes = {volume(): {"bind": "/var/lib/mysql", "mode": "rw"}} if mistake.image == "mariadb" else {}
    container = hardened(images[mistake.image], files, mistake.settings, volumes=volumes, **mistake.arguments)
    assert_refused(container, mistake.sentence)
