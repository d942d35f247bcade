"""A mistake in the settings of an image gives one sentence and exit code 1."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.images.conftest import PATIENCE_SECONDS, USERS

FILE = "/run/secrets/password"
MARIADB = {
    "MARIADB_DATABASE": "workshop",
    "MARIADB_USER": "orders",
    "MARIADB_PASSWORD_FILE": FILE,
    "MARIADB_RANDOM_ROOT_PASSWORD": "1",
}
REPLICA = {"MARIADB_REPLICATION_PASSWORD_FILE": FILE, "MARIADB_MASTER_HOST": "o'neill"}
MISTAKES: dict[str, tuple[str, dict[str, str], str]] = {
    "quote in a name": ("mariadb", MARIADB | {"MARIADB_DATABASE": "a`; DROP"}, "DATABASE is not usable as a name"),
    "quote in a host": ("mariadb", REPLICA, "MARIADB_MASTER_HOST is not usable"),
    "empty password": ("redis", {"REDIS_PASSWORD_FILE": FILE}, "REDIS_PASSWORD_FILE names an empty file"),
    "short key": ("parameter_store", {"PARAMETER_STORE_KEY_FILE": FILE}, "is shorter than 16 characters"),
    "no session": ("collector", {}, "WORKSHOP_SESSION, COLLECTOR_ENDPOINT"),
}
"""An image, its settings, and words of the sentence."""


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_one_sentence(hardened: Callable[..., Any], images: dict[str, str], name: str) -> None:
    """The container ends by itself with exit code 1, and its log has the sentence and nothing else."""
    image, settings, sentence = MISTAKES[name]
    files = {"password": "\r\n" if name == "empty password" else "x", "schema.sql": "CREATE TABLE t (\n"}
    command = USERS if image == "redis" else None
    container = hardened(images[image], files, settings, command=command)
    code = container.wait(timeout=PATIENCE_SECONDS)["StatusCode"]
    log = container.logs().decode()
    assert (code, log.count("\n")) == (1, 1), log
    assert sentence in log
