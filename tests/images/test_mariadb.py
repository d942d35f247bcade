"""The MariaDB image: confined, truthful about its health, and without a trace of the password.

A replica catches up after kills and losses, and is unhealthy when it does not.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from images.mariadb.entrypoint import StartError, startup_sql
from tests.conftest import own_stack
from tests.images.conftest import assert_confined, run, until, wait_healthy
from workshop_kit.engine.stack import Stack
from workshop_kit.observe.leaks import new_canary

SETTINGS = {
    "MARIADB_DATABASE": "work_shop",
    "MARIADB_USER": "orders",
    "MARIADB_PASSWORD_FILE": "/run/secrets/password",
    "MARIADB_RANDOM_ROOT_PASSWORD": "1",
}
SCHEMA = """
-- What the tests write to.
CREATE TABLE IF NOT EXISTS notes (
    id INT PRIMARY KEY AUTO_INCREMENT,
    note VARCHAR(20) NOT NULL DEFAULT 'Zürich'
);
"""
HEALTH = "healthcheck.sh --connect --innodb_initialized"
PASSWORD = "'; DROP DATABASE work_shop; -- päßwörd 密码 \\"

Start = Callable[..., Any]


@pytest.fixture(scope="module")
def start(hardened: Start, images: dict[str, str], volume: Callable[[], str]) -> Start:
    """Return a function that starts MariaDB, on a volume or a new one, with other files."""

    def start(on: str | None = None, **more: Any) -> Any:
        files = {"password": f"{PASSWORD}\n", "schema.sql": SCHEMA, **more.pop("files", {})}
        volumes = {on or volume(): {"bind": "/var/lib/mysql", "mode": "rw"}}
        return hardened(images["mariadb"], files, SETTINGS, volumes=volumes, **more)

    return start


@pytest.fixture(scope="module")
def server(start: Start) -> Any:
    """A server for the tests that leave it as it is."""
    container = start()
    wait_healthy(container)
    return container


def sql(container: Any, statement: str, password: str = PASSWORD) -> tuple[int, str]:
    """Run a statement as the service's user, over TCP as the service does."""
    command = 'mariadb --host=127.0.0.1 --user=orders --batch --skip-column-names --execute="$SQL" work_shop'
    return run(container, command, MYSQL_PWD=password, SQL=statement)


def test_the_service_may_be_named_shop(tmp_path: Path) -> None:
    """The participant's own stack has that user, as the shop has it beside the service's; one name is no two users."""
    password = tmp_path / "password"
    password.write_text("tea")
    settings = {**SETTINGS, "MARIADB_USER": "shop", "MARIADB_PASSWORD_FILE": str(password)}
    assert "CREATE USER IF NOT EXISTS 'shop'@'%';" in startup_sql(settings, is_filled=True)

    with pytest.raises(StartError, match="MARIADB_USER is not usable"):
        startup_sql({**settings, "MARIADB_SHOP_PASSWORD": "coffee"}, is_filled=True)
    with pytest.raises(StartError, match="root has no password"):
        startup_sql({**settings, "MARIADB_RANDOM_ROOT_PASSWORD": ""}, is_filled=True)


def test_only_the_password_opens_a_confined_server(server: Any) -> None:
    """The password in the file opens, without the line end behind it; no other does; no built-in account does."""
    assert_confined(server, 3306)
    assert sql(server, "SELECT CURRENT_USER()") == (0, "orders@%")
    for wrong in ("", "wrong"):
        assert "Access denied" in sql(server, "SELECT 1", wrong)[1]
    for user in ("root", "mysql", "health"):
        code, output = run(server, f"mariadb --host=127.0.0.1 --user={user} --execute='SELECT 1'")
        assert code == 1
        assert "denied" in output or "not allowed" in output


def test_service_user_has_few_rights(server: Any) -> None:
    """It reads and writes rows of its database; it changes no table, and sees no other database and no file."""
    # An underscore is no pattern for a database's name.
    create_database = ["mariadb", "--execute", "CREATE DATABASE workXshop; CREATE TABLE workXshop.others (id INT)"]
    assert server.exec_run(create_database, user="0").exit_code == 0
    for statement in ("DROP TABLE notes", "SELECT * FROM mysql.global_priv", "SELECT * FROM workXshop.others"):
        assert sql(server, statement)[0] == 1, statement
    assert sql(server, "SELECT LOAD_FILE('/run/secrets/password')") == (0, "NULL")


def test_data_outlives_container_and_password(start: Start, volume: Callable[[], str]) -> None:
    """Killed, a new container on the same volume has the data; its new password opens, and the old one does not."""
    kept = volume()
    rotated = new_canary()
    first = start(on=kept)
    wait_healthy(first)
    assert sql(first, "REPLACE INTO notes (id) VALUES (1)")[0] == 0
    first.kill()
    second = start(on=kept, files={"password": rotated})
    wait_healthy(second)
    assert sql(second, "SELECT HEX(note) FROM notes", rotated) == (0, "Zürich".encode().hex().upper())
    assert sql(second, "SELECT 1")[0] == 1


@pytest.mark.long
def test_killed_first_start_is_repaired(start: Start, volume: Callable[[], str]) -> None:
    """Killed at several moments of its first start, or left with half a copy, the next start ends healthy."""
    kept = volume()
    half = "mkdir /var/lib/mysql/data.partial && echo half > /var/lib/mysql/data.partial/ibdata1"
    assert start(on=kept, entrypoint=["sh", "-c", half]).wait(timeout=60)["StatusCode"] == 0
    for delay_seconds in (0.0, 0.1, 0.3):
        victim = start(on=kept)
        time.sleep(delay_seconds)
        victim.kill("KILL")
    survivor = start(on=kept)
    wait_healthy(survivor)
    assert sql(survivor, "SELECT COUNT(*) FROM notes") == (0, "0")
    assert run(survivor, "ls /var/lib/mysql") == (0, "data")


@pytest.mark.long
def test_health_is_truthful(start: Start, volume: Callable[[], str]) -> None:
    """A frozen server is unhealthy; so is one whose script failed, until a start in which it runs to its end.

    After that no script runs again, as with the official image.
    """
    kept = volume()
    bad = start(on=kept, files={"schema.sql": f"{SCHEMA}\nCREATE TABEL oops (id INT);\n"})
    until(lambda: b"ready for connections" in bad.logs(), bad)
    code, output = run(bad, HEALTH)
    assert code == 1
    assert "start-up SQL did not run to the end" in output
    assert b"TABEL" in bad.logs()
    bad.kill()
    for item in ("Assam", "Darjeeling"):
        good = start(on=kept, files={"tea.sql": f"INSERT INTO notes (note) VALUES ('{item}');\n"})
        wait_healthy(good)
        assert sql(good, "SELECT note FROM notes") == (0, "Assam")
        good.kill("STOP")
        assert run(good, f"timeout 20 {HEALTH}")[0] != 0
        good.kill("CONT")
        good.stop(timeout=60)
        assert good.wait()["StatusCode"] == 0


# From here on: the master and the replica of a stack.


@pytest.fixture
def databases(images: dict[str, str], tmp_path: Path) -> Iterator[Stack]:
    """Both databases of a workspace of the test's own, up."""
    with own_stack(tmp_path / "databases") as stack:
        stack.up("master-db", "replica-db")
        yield stack


def as_root(database: Any, statement: str) -> str:
    """Run a statement as administrator and return its output."""
    command = ["mariadb", "--batch", "--skip-column-names", "--execute", statement, "orders"]
    code, output = database.exec_run(command, user="0")
    assert code == 0, output
    return str(output.decode())


def health(stack: Stack) -> tuple[int, str]:
    """Run the replica's health check; return its exit code and output."""
    return run(stack.container("replica-db"), HEALTH)


def assert_follows(stack: Stack) -> None:
    """Assert that a new row on the master reaches the replica, and that all rows are equal."""
    master = stack.container("master-db")
    replica = stack.container("replica-db")
    note = secrets.token_hex(8)
    as_root(master, f"CREATE TABLE IF NOT EXISTS notes (note TEXT); INSERT INTO notes VALUES ('{note}')")
    everything = "SELECT note FROM notes ORDER BY note"
    until(lambda: note in (rows := as_root(replica, everything)) and rows == as_root(master, everything), replica)


def test_a_replica_only_reads_and_says_when_it_does_not_follow(databases: Stack) -> None:
    """Without its master it is unhealthy and gives the reason; after a kill of both it follows again."""
    assert_follows(databases)
    master = databases.container("master-db")
    replica = databases.container("replica-db")
    password = (databases.folder / "secrets" / "master_db_password").read_text()
    write = "mariadb --host=127.0.0.1 --user=orders --execute='DELETE FROM orders' orders"
    code, output = run(replica, write, MYSQL_PWD=password)
    assert (code, "read-only" in output) == (1, True), output
    master.kill()
    until(lambda: "error" in health(databases)[1] and "to master" in health(databases)[1], replica)
    assert health(databases)[0] == 1
    replica.kill()
    databases.up("master-db", "replica-db")
    assert_follows(databases)


@pytest.mark.long
def test_what_a_replica_repairs_by_itself(databases: Stack) -> None:
    """An I/O thread that a silent master ended is started; a lost volume is fetched again, without a dump.

    What stays unhealthy: threads that were stopped on purpose, and a master that lost its volume (error 1236).
    """
    client = databases.session.engine.client
    replica = databases.container("replica-db")
    tell = "mariadb --user=health --execute='{} REPLICA {}'"
    assert run(replica, tell.format("STOP", "IO_THREAD"))[0] == 0
    until(lambda: health(databases)[0] == 0, replica)
    assert run(replica, tell.format("STOP", ""))[0] == 0
    assert [health(databases)[0] for _ in range(3)] == [1, 1, 1]
    assert run(replica, tell.format("START", ""))[0] == 0
    assert_follows(databases)
    for name in ("replica", "master"):
        databases.container(f"{name}-db").remove(force=True)
        client.volumes.get(f"{databases.project}_{name}-data").remove()
        databases.up(f"{name}-db")
        if name == "replica":
            assert_follows(databases)
    replica = databases.container("replica-db")
    until(lambda: "1236" in health(databases)[1].split("(After")[0], replica)
    assert health(databases)[0] == 1
