"""The Redis image: a confined cache that holds little, keeps nothing, and shows its password nowhere."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.images.container_state import assert_confined, run, wait_healthy

pytestmark = pytest.mark.engine

SETTINGS = {"REDIS_PASSWORD_FILE": "/run/secrets/password"}
FILL = "for i = 1, 2500 do redis.call('SET', ARGV[1] .. i, string.rep('x', 10000)) end"
UNUSUAL = '"> ~* +@all\nuser x on nopass päßwörd 密码 \\'

Start = Callable[..., Any]


@pytest.fixture(scope="module")
def secret() -> str:
    """The password of the service's user; it holds quotes, a line end and any letters."""
    return UNUSUAL


@pytest.fixture(scope="module")
def start(hardened: Start, images: dict[str, str], secret: str) -> Start:
    """Return a function that starts Redis."""
    return lambda: hardened(images["redis"], {"password": f"{secret}\n"}, SETTINGS)


@pytest.fixture(scope="module")
def server(start: Start) -> Any:
    """A server for the tests that leave it running."""
    container = start()
    wait_healthy(container)
    return container


def ask(container: Any, password: str, *words: str) -> str:
    """Send one command as the service's user and return the answer; the password travels in the environment."""
    command = ["redis-cli", "--no-auth-warning", *words]
    environment = {"REDISCLI_AUTH": password} if password else {}
    return str(container.exec_run(command, environment=environment).output.decode().strip())


def test_runs_confined(server: Any) -> None:
    """The server is healthy as an ordinary user without any capability, from its first process on."""
    assert_confined(server, 6379)


def test_only_the_password_opens(server: Any, secret: str) -> None:
    """The password in the file opens, without the line end behind it; no other does, nor does none."""
    assert ask(server, secret, "PING") == "PONG"
    for wrong in ("", "wrong"):
        assert "NOAUTH" in ask(server, wrong, "GET", "anything")


def test_users_have_few_rights(server: Any, secret: str) -> None:
    """The health check's user may run PING only; the service's user may not administer."""
    as_health = "redis-cli --no-auth-warning --user health --pass none"
    assert run(server, f"{as_health} PING") == (0, b"PONG\n")
    for command in ("GET x", "INFO", "CONFIG GET '*'"):
        assert b"NOPERM" in run(server, f"{as_health} {command}")[1], command
    for command in ("CONFIG GET *", "ACL LIST", "SHUTDOWN", "FLUSHALL", "KEYS *"):
        assert "NOPERM" in ask(server, secret, *command.split()), command


@pytest.mark.long
def test_full_cache_makes_room(server: Any, secret: str) -> None:
    """Filled with more than it may hold, the cache drops the oldest and goes on answering."""
    for batch in "abc":
        assert ask(server, secret, "EVAL", FILL, "0", batch) == ""
    assert ask(server, secret, "SET", "after", "all") == "OK"
    assert ask(server, secret, "GET", "after") == "all"
    assert 0 < int(ask(server, secret, "DBSIZE")) < 7500


@pytest.mark.long
def test_stops_cleanly_and_keeps_nothing(start: Start, secret: str) -> None:
    """SIGTERM ends it with exit code 0, and a restart empties the cache."""
    container = start()
    wait_healthy(container)
    assert ask(container, secret, "SET", "gone", "soon") == "OK"
    container.stop(timeout=60)
    assert container.wait()["StatusCode"] == 0
    container.start()
    wait_healthy(container)
    assert ask(container, secret, "DBSIZE") == "0"
