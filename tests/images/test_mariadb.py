"""The MariaDB image: confined, truthful about its health, and without a trace of the password."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest

from tests.images.seen import confinement, health, leaks, new_secret, refusal, run, surfaces, wait_healthy

pytestmark = pytest.mark.engine

SETTINGS = {
    "MARIADB_DATABASE": "work_shop",
    "MARIADB_USER": "orders",
    "MARIADB_PASSWORD_FILE": "/run/secrets/password",
    "MARIADB_SCHEMA_FILE": "/run/secrets/schema.sql",
}
SCHEMA = """
-- What the tests write to.
CREATE TABLE IF NOT EXISTS notes (
    id INT PRIMARY KEY AUTO_INCREMENT,
    note VARCHAR(20) NOT NULL DEFAULT 'Zürich'
);
"""

Start = Callable[..., Any]


@pytest.fixture(scope="module")
def start(hardened: Start, images: dict[str, str], volume: Callable[[], str], secret: str) -> Start:
    """Start MariaDB on a volume (a new one if none is named); files and settings can be replaced."""

    def start(
        on: str | None = None,
        files: dict[str, str] | None = None,
        settings: dict[str, str] | None = None,
        **more: Any,
    ) -> Any:
        return hardened(
            images["mariadb"],
            {"password": f"{secret}\n", "schema.sql": SCHEMA} | (files or {}),
            SETTINGS | (settings or {}),
            volumes={on or volume(): {"bind": "/var/lib/mysql", "mode": "rw"}},
            **more,
        )

    return start


@pytest.fixture(scope="module")
def server(start: Start) -> Any:
    """A server for the tests that leave it as it is."""
    container = start()
    wait_healthy(container)
    return container


def sql(container: Any, statement: str, password: str) -> tuple[int, str]:
    """Run a statement as the service's user, over TCP as the service does."""
    command = 'mariadb --host=127.0.0.1 --user=orders --batch --skip-column-names --execute="$SQL" work_shop'
    code, output = run(container, command, MYSQL_PWD=password, SQL=statement)
    return code, output.decode().strip()


def test_runs_confined(server: Any) -> None:
    """The server is healthy as an ordinary user without any capability, from its first process on."""
    first = confinement(server)
    assert first["Name"] == "mariadbd"
    assert set(first["Uid"].split()) == {"3306"}
    assert int(first["CapEff"], 16) == 0
    assert first["NoNewPrivs"] == "1"


def test_password_opens(server: Any, secret: str) -> None:
    """The password in the file is the one that opens, without the line end behind it."""
    assert sql(server, "SELECT CURRENT_USER()", secret) == (0, "orders@%")


@pytest.mark.parametrize("unusual", ["'; DROP DATABASE work_shop; --", "päßwörd 密码", "\\"])
def test_any_text_is_a_password(start: Start, unusual: str) -> None:
    """Quotes, spaces and any letters may stand in a password."""
    container = start(files={"password": unusual})
    wait_healthy(container)
    assert sql(container, "SELECT 1", unusual)[0] == 0


@pytest.mark.parametrize("wrong", ["", "orders", "wrong"])
def test_wrong_password_does_not_open(server: Any, wrong: str) -> None:
    """No other password opens, nor does none."""
    code, output = sql(server, "SELECT 1", wrong)
    assert code == 1
    assert "Access denied" in output


@pytest.mark.parametrize("user", ["root", "mariadb", "health"])
def test_no_side_door_over_the_network(server: Any, user: str) -> None:
    """The accounts that the image brings along do not open over TCP."""
    code, output = run(server, f"mariadb --host=127.0.0.1 --user={user} --execute='SELECT 1'")
    assert code == 1
    assert b"denied" in output or b"not allowed" in output


@pytest.mark.parametrize(
    "statement",
    [
        "DROP TABLE notes",
        "CREATE TABLE more (id INT)",
        "SELECT * FROM mysql.global_priv",
        "SHUTDOWN",
    ],
)
def test_service_user_has_few_rights(server: Any, secret: str, statement: str) -> None:
    """The service's user reads and writes rows of its database; it changes no table and sees no other database."""
    assert sql(server, statement, secret)[0] == 1


def test_name_of_database_is_no_pattern(server: Any, secret: str) -> None:
    """An underscore in the database's name gives no right to a database that differs there."""
    command = ["mariadb", "--execute", "CREATE DATABASE workXshop; CREATE TABLE workXshop.others (id INT)"]
    assert server.exec_run(command, user="0").exit_code == 0
    code, output = sql(server, "SELECT * FROM workXshop.others", secret)
    assert code == 1
    assert "denied" in output


def test_service_user_reads_no_files(server: Any, secret: str) -> None:
    """SQL is no way to the secret file."""
    assert sql(server, "SELECT LOAD_FILE('/run/secrets/password')", secret) == (0, "NULL")


def test_schema_is_applied_as_written(server: Any, secret: str) -> None:
    """A statement may span lines, and its text arrives unharmed."""
    question = "SELECT HEX(COLUMN_DEFAULT) FROM information_schema.COLUMNS WHERE COLUMN_NAME='note'"
    assert sql(server, question, secret) == (0, "'Zürich'".encode().hex().upper())


def test_no_trace_of_the_password(server: Any, secret: str) -> None:
    """After start, health checks and a log-in, no part of the password is anywhere but in its file."""
    assert sql(server, "SELECT 1", secret)[0] == 0
    seen = dict(surfaces(server, written="/var/lib/mysql /tmp /run/mysqld"))
    assert {where: found for where, content in seen.items() if (found := leaks(secret, content))} == {}
    assert seen["cmdline"].startswith(b"mariadbd\0")
    assert b"global_priv" in seen["files"], "the search must have seen the database's own files"


def test_data_outlives_container(start: Start, volume: Callable[[], str], secret: str) -> None:
    """What was written is there after a restart, and in a new container on the same volume."""
    kept = volume()
    first = start(on=kept)
    wait_healthy(first)
    assert sql(first, "INSERT INTO notes (note) VALUES ('kept')", secret)[0] == 0
    first.restart(timeout=20)
    wait_healthy(first)
    assert sql(first, "SELECT note FROM notes", secret) == (0, "kept")
    first.kill()
    second = start(on=kept)
    wait_healthy(second)
    assert sql(second, "SELECT note FROM notes", secret) == (0, "kept")


def test_password_rotates_with_restart(start: Start, volume: Callable[[], str], secret: str) -> None:
    """A new secret takes effect at the next start, on the same data; the old one opens nothing."""
    kept = volume()
    old = start(on=kept)
    wait_healthy(old)
    old.stop(timeout=20)
    rotated = new_secret()
    new = start(on=kept, files={"password": rotated})
    wait_healthy(new)
    assert sql(new, "SELECT 1", rotated)[0] == 0
    assert sql(new, "SELECT 1", secret)[0] == 1


def test_killed_first_start_is_repaired(start: Start, volume: Callable[[], str], secret: str) -> None:
    """Killed at any moment of its first start, the next start still ends healthy."""
    kept = volume()
    for delay_seconds in (0.0, 0.05, 0.1, 0.2, 0.4):
        victim = start(on=kept)
        time.sleep(delay_seconds)
        if health(victim) != "exited":
            victim.kill("KILL")
    survivor = start(on=kept)
    wait_healthy(survivor)
    assert sql(survivor, "SELECT COUNT(*) FROM notes", secret) == (0, "0")


def test_half_a_copy_is_never_used(start: Start, volume: Callable[[], str]) -> None:
    """A copy of the data directory that was cut off is thrown away and made anew."""
    kept = volume()
    half = "mkdir /var/lib/mysql/data.partial && echo half > /var/lib/mysql/data.partial/ibdata1"
    assert start(on=kept, entrypoint=["sh", "-c", half]).wait(timeout=60)["StatusCode"] == 0
    whole = start(on=kept)
    wait_healthy(whole)
    assert run(whole, "ls /var/lib/mysql") == (0, b"data\n")


def test_stops_at_once_and_cleanly(start: Start) -> None:
    """SIGTERM ends the server itself, with exit code 0, long before anybody loses patience."""
    container = start()
    wait_healthy(container)
    before = time.monotonic()
    container.stop(timeout=60)
    assert time.monotonic() - before < 20
    assert container.wait()["StatusCode"] == 0


def test_unfinished_startup_is_not_healthy(start: Start, volume: Callable[[], str]) -> None:
    """Where the schema fails, the server answers but is not healthy, and says why; an earlier start does not count."""
    kept = volume()
    good = start(on=kept)
    wait_healthy(good)
    good.stop(timeout=20)
    bad = start(on=kept, files={"schema.sql": f"{SCHEMA}\nCREATE TABEL oops (id INT);\n"})
    deadline = time.monotonic() + 60
    while b"ready for connections" not in bad.logs():
        assert time.monotonic() < deadline, bad.logs().decode()
        time.sleep(0.1)
    code, output = run(bad, "/usr/local/lib/workshop/healthcheck.sh")
    assert code == 1
    assert b"start-up SQL did not run to the end" in output
    assert health(bad) == "starting"
    assert b"TABEL" in bad.logs()


def test_hanging_server_is_not_healthy(start: Start) -> None:
    """A server that hangs is found out: the check gives up by itself."""
    container = start()
    wait_healthy(container)
    container.kill("STOP")
    code, output = run(container, "timeout 20 /usr/local/lib/workshop/healthcheck.sh")
    container.kill("CONT")
    assert code != 0, output


BAD_INPUT: dict[str, tuple[dict[str, str], dict[str, str], str]] = {
    "no password file named": ({"MARIADB_PASSWORD_FILE": ""}, {}, "MARIADB_PASSWORD_FILE is not set"),
    "no such password file": (
        {"MARIADB_PASSWORD_FILE": "/run/secrets/nothing"},
        {},
        "/run/secrets/nothing, which cannot be read (No such file or directory)",
    ),
    "a folder": ({"MARIADB_PASSWORD_FILE": "/run/secrets"}, {}, "cannot be read (Is a directory)"),
    "empty password": ({}, {"password": ""}, "MARIADB_PASSWORD_FILE names an empty file"),
    "nothing but a line end": ({}, {"password": "\r\n"}, "MARIADB_PASSWORD_FILE names an empty file"),
    "no database": ({"MARIADB_DATABASE": ""}, {}, "MARIADB_DATABASE is not set"),
    "quote in the database's name": ({"MARIADB_DATABASE": "a`; DROP"}, {}, "MARIADB_DATABASE is not usable as a name"),
    "the server's own database": ({"MARIADB_DATABASE": "mysql"}, {}, "MARIADB_DATABASE is not usable as a name"),
    "quote in the user's name": ({"MARIADB_USER": "o'neill"}, {}, "MARIADB_USER is not usable as a name"),
    "the administrator as user": ({"MARIADB_USER": "root"}, {}, "MARIADB_USER is not usable as a name"),
    "no such schema": ({"MARIADB_SCHEMA_FILE": "/nothing.sql"}, {}, "MARIADB_SCHEMA_FILE names /nothing.sql"),
    "half a statement": ({}, {"schema.sql": "CREATE TABLE t (\n"}, "MARIADB_SCHEMA_FILE ends inside a statement"),
    "a schema too long": ({}, {"schema.sql": "SELECT 1;\n" * 9000}, "MARIADB_SCHEMA_FILE is too long"),
}


@pytest.mark.parametrize("case", BAD_INPUT)
def test_bad_input_is_one_sentence(start: Start, secret: str, case: str) -> None:
    """What the person at the keyboard got wrong is said in one sentence, with exit code 1 and no secret in it."""
    settings, files, says = BAD_INPUT[case]
    code, log = refusal(start(settings=settings, files=files))
    assert code == 1
    assert log.startswith("mariadb: ")
    assert says in log
    assert log.count("\n") == 1
    assert leaks(secret, log.encode()) == []


def test_missing_volume_is_one_sentence(hardened: Start, images: dict[str, str], secret: str) -> None:
    """Without a volume there is nowhere to keep data: said so, instead of leaving an anonymous volume behind."""
    container = hardened(images["mariadb"], {"password": secret, "schema.sql": SCHEMA}, SETTINGS)
    code, log = refusal(container)
    assert code == 1
    assert "cannot be put into /var/lib/mysql (Read-only file system)" in log
    assert log.count("\n") == 1


@pytest.mark.parametrize("options", ["size=8m,mode=1777", "mode=0700"])
def test_unusable_volume_is_one_sentence(hardened: Start, images: dict[str, str], secret: str, options: str) -> None:
    """A volume that is full or belongs to somebody else is said so in one sentence."""
    files = {"password": secret, "schema.sql": SCHEMA}
    container = hardened(images["mariadb"], files, SETTINGS, tmpfs={"/var/lib/mysql": options})
    code, log = refusal(container)
    assert code == 1
    assert "mount a volume there that user 3306 can write" in log
    assert log.count("\n") == 1
