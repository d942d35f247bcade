"""The Redis image: a confined cache that holds little, keeps nothing, and shows its password nowhere."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest

from tests.images.seen import confinement, leaks, refusal, run, surfaces, wait_healthy

pytestmark = pytest.mark.engine

SETTINGS = {"REDIS_PASSWORD_FILE": "/run/secrets/password"}
FILL = "for i = 1, 2500 do redis.call('SET', ARGV[1] .. i, string.rep('x', 10000)) end"

Start = Callable[..., Any]


@pytest.fixture(scope="module")
def start(hardened: Start, images: dict[str, str], secret: str) -> Start:
    """Start Redis; its secret file and settings can be replaced."""

    def start(password: str = f"{secret}\n", settings: dict[str, str] | None = None) -> Any:
        return hardened(images["redis"], {"password": password}, SETTINGS | (settings or {}))

    return start


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
    first = confinement(server)
    assert first["Name"] == "redis-server"
    assert set(first["Uid"].split()) == {"6379"}
    assert int(first["CapEff"], 16) == 0
    assert first["NoNewPrivs"] == "1"


def test_password_opens(server: Any, secret: str) -> None:
    """The password in the file is the one that opens, without the line end behind it."""
    assert ask(server, secret, "PING") == "PONG"


@pytest.mark.parametrize("unusual", ['"> ~* +@all\nuser x on nopass', "päßwörd 密码", "\\"])
def test_any_text_is_a_password(start: Start, unusual: str) -> None:
    """Quotes, line ends and any letters may stand in a password, and none becomes configuration."""
    container = start(password=unusual)
    wait_healthy(container)
    assert ask(container, unusual, "PING") == "PONG"


@pytest.mark.parametrize("wrong", ["", "none", "wrong"])
def test_wrong_password_does_not_open(server: Any, wrong: str) -> None:
    """No other password opens, nor does none, nor the one of the health check."""
    assert "NOAUTH" in ask(server, wrong, "GET", "anything")


def test_health_user_may_only_ping(server: Any) -> None:
    """The password-less user of the health check can say PING, and nothing that reads or tells."""
    as_health = "redis-cli --no-auth-warning --user health --pass none"
    assert run(server, f"{as_health} PING") == (0, b"PONG\n")
    for command in ("GET x", "KEYS '*'", "INFO", "ACL WHOAMI", "CONFIG GET '*'", "PUBLISH x y"):
        assert b"NOPERM" in run(server, f"{as_health} {command}")[1], command


@pytest.mark.parametrize("command", ["CONFIG GET *", "ACL LIST", "SHUTDOWN", "FLUSHALL", "KEYS *", "REPLICAOF a 1"])
def test_service_user_does_not_administrate(server: Any, secret: str, command: str) -> None:
    """The service's user works with keys; it neither reads nor changes how the server is set up."""
    assert "NOPERM" in ask(server, secret, *command.split())


def test_no_trace_of_the_password(server: Any, secret: str) -> None:
    """After start, health checks and a log-in, no part of the password is anywhere but in its file."""
    assert ask(server, secret, "SET", "seen", "yes") == "OK"
    seen = dict(surfaces(server, written="/tmp /var/lib/redis"))
    assert {where: found for where, content in seen.items() if (found := leaks(secret, content))} == {}
    assert seen["cmdline"].startswith(b"redis-server")


def test_full_cache_makes_room(server: Any, secret: str) -> None:
    """Filled with more than it may hold, the cache drops the oldest and goes on answering."""
    for batch in "abc":
        assert ask(server, secret, "EVAL", FILL, "0", batch) == ""
    assert ask(server, secret, "SET", "after", "all") == "OK"
    assert ask(server, secret, "GET", "after") == "all"
    assert 0 < int(ask(server, secret, "DBSIZE")) < 7500
    assert "evicted_keys:0" not in ask(server, secret, "INFO", "stats").split()


def test_nothing_is_kept(start: Start, secret: str) -> None:
    """A restart empties the cache: nothing was written to any disk."""
    container = start()
    wait_healthy(container)
    assert ask(container, secret, "SET", "gone", "soon") == "OK"
    container.restart(timeout=20)
    wait_healthy(container)
    assert ask(container, secret, "DBSIZE") == "0"


def test_stops_at_once_and_cleanly(start: Start) -> None:
    """SIGTERM ends the server itself, with exit code 0, long before anybody loses patience."""
    container = start()
    wait_healthy(container)
    before = time.monotonic()
    container.stop(timeout=60)
    assert time.monotonic() - before < 20
    assert container.wait()["StatusCode"] == 0


BAD_INPUT = {
    "no password file named": ({"REDIS_PASSWORD_FILE": ""}, "x", "REDIS_PASSWORD_FILE is not set"),
    "no such password file": (
        {"REDIS_PASSWORD_FILE": "/run/secrets/nothing"},
        "x",
        "/run/secrets/nothing, which cannot be read (No such file or directory)",
    ),
    "a folder": ({"REDIS_PASSWORD_FILE": "/run/secrets"}, "x", "cannot be read (Is a directory)"),
    "empty password": ({}, "", "REDIS_PASSWORD_FILE names an empty file"),
    "nothing but a line end": ({}, "\r\n", "REDIS_PASSWORD_FILE names an empty file"),
}


@pytest.mark.parametrize("case", BAD_INPUT)
def test_bad_input_is_one_sentence(start: Start, case: str) -> None:
    """What the person at the keyboard got wrong is said in one sentence, with exit code 1."""
    settings, password, says = BAD_INPUT[case]
    code, log = refusal(start(password=password, settings=settings))
    assert code == 1
    assert log.startswith("redis: ")
    assert says in log
    assert log.count("\n") == 1
