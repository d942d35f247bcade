"""A mistake in the settings of an image gives one sentence and exit code 1."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.images.conftest import PATIENCE_SECONDS

pytestmark = pytest.mark.engine

FILE, FOLDER = "/run/secrets/password", "/run/secrets"
MARIADB = {
    "MARIADB_DATABASE": "workshop",
    "MARIADB_USER": "orders",
    "MARIADB_PASSWORD_FILE": FILE,
    "MARIADB_SCHEMA_FILE": "/run/secrets/schema.sql",
}
REPLICA = {"MARIADB_REPLICATION_PASSWORD_FILE": FILE, "MARIADB_MASTER_HOST": "o'neill"}
MISTAKES: dict[str, tuple[str, dict[str, str], str]] = {
    "no password file": ("mariadb", MARIADB | {"MARIADB_PASSWORD_FILE": ""}, "MARIADB_PASSWORD_FILE is not set"),
    "quote in a name": ("mariadb", MARIADB | {"MARIADB_DATABASE": "a`; DROP"}, "DATABASE is not usable as a name"),
    "half a statement": ("mariadb", MARIADB, "MARIADB_SCHEMA_FILE ends inside a statement"),
    "quote in a host": ("mariadb", REPLICA, "MARIADB_MASTER_HOST is not usable"),
    "long password": ("mariadb", REPLICA | {"MARIADB_MASTER_HOST": "master"}, "holds too long a password"),
    "a folder": ("redis", {"REDIS_PASSWORD_FILE": FOLDER}, "cannot be read (Is a directory)"),
    "empty password": ("redis", {"REDIS_PASSWORD_FILE": FILE}, "REDIS_PASSWORD_FILE names an empty file"),
    "short key": ("parameter_store", {"PARAMETER_STORE_KEY_FILE": FILE}, "is shorter than 16 characters"),
    "unknown program": ("prometheus", {"MONITORING_PASSWORD_FILE": FILE}, "there is no program 'grafana'"),
    "no session": ("collector", {}, "WORKSHOP_SESSION, COLLECTOR_ENDPOINT"),
}
"""An image, its settings, and words of the sentence."""
PASSWORDS = {"long password": "x" * 97, "empty password": "\r\n"}


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_one_sentence(hardened: Callable[..., Any], images: dict[str, str], name: str) -> None:
    """The container ends by itself with exit code 1, and its log has the sentence and nothing else."""
    image, settings, sentence = MISTAKES[name]
    files = {"password": PASSWORDS.get(name, "x"), "schema.sql": "CREATE TABLE t (\n"}
    container = hardened(images[image], files, settings, command=["grafana"])  # the others pass it on to their server
    code, log = container.wait(timeout=PATIENCE_SECONDS)["StatusCode"], container.logs().decode()
    assert (code, log.count("\n")) == (1, 1), log
    assert sentence in log
