"""The MariaDB image: confined, truthful about its health, and without a trace of the password.

A replica catches up in any order of starts, stops and kills, and is unhealthy when it does not.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from tests.images.conftest import assert_confined, run, until, wait_healthy
from workshop_kit.observe.leaks import new_canary

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
REPLICATION = {"MARIADB_REPLICATION_PASSWORD_FILE": "/run/secrets/replication"}
HEALTH = "/usr/local/lib/workshop/healthcheck.sh"
PASSWORD = "'; DROP DATABASE work_shop; -- päßwörd 密码 \\"
UNUSUAL = "'; STOP SLAVE; -- päßwörd 密码 a\\b\"c\nd\\\n"

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


def test_only_the_password_opens_a_confined_server(server: Any) -> None:
    """The password in the file opens, without the line end behind it; no other does; no built-in account does."""
    assert_confined(server, 3306)
    assert sql(server, "SELECT CURRENT_USER()") == (0, "orders@%")
    for wrong in ("", "wrong"):
        assert "Access denied" in sql(server, "SELECT 1", wrong)[1]
    for user in ("root", "mariadb", "health"):
        code, output = run(server, f"mariadb --host=127.0.0.1 --user={user} --execute='SELECT 1'")
        assert code == 1
        assert "denied" in output or "not allowed" in output


def test_service_user_has_few_rights(server: Any) -> None:
    """It reads and writes rows of its database; it changes no table, and sees no other database and no file."""
    other = ["mariadb", "--execute", "CREATE DATABASE workXshop; CREATE TABLE workXshop.others (id INT)"]
    assert server.exec_run(other, user="0").exit_code == 0  # an underscore is no pattern for a database's name
    for statement in ("DROP TABLE notes", "SELECT * FROM mysql.global_priv", "SELECT * FROM workXshop.others"):
        assert sql(server, statement)[0] == 1, statement
    assert sql(server, "SELECT LOAD_FILE('/run/secrets/password')") == (0, "NULL")


def test_data_outlives_container_and_password(start: Start, volume: Callable[[], str]) -> None:
    """Killed, a new container on the same volume has the data; its new password opens, and the old one does not."""
    kept, rotated = volume(), new_canary()
    first = start(on=kept)
    wait_healthy(first)
    assert sql(first, "INSERT INTO notes () VALUES ()")[0] == 0
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
    """A frozen server is unhealthy; so is one whose schema failed, also after an earlier good start."""
    kept = volume()
    good = start(on=kept)
    wait_healthy(good)
    good.kill("STOP")
    assert run(good, f"timeout 20 {HEALTH}")[0] != 0
    good.kill("CONT")
    good.stop(timeout=60)
    assert good.wait()["StatusCode"] == 0
    bad = start(on=kept, files={"schema.sql": f"{SCHEMA}\nCREATE TABEL oops (id INT);\n"})
    until(lambda: b"ready for connections" in bad.logs(), bad)
    code, output = run(bad, HEALTH)
    assert code == 1
    assert "start-up SQL did not run to the end" in output
    assert b"TABEL" in bad.logs()


# From here on: a master and a replica.


@dataclass
class Replication:
    """A master and a replica on a network of their own, each on its volume; neither runs yet."""

    start: Callable[..., Any]
    volume: Callable[[], str]
    image: str
    network: str
    replication_password: str
    password: str = field(default_factory=new_canary)
    volumes: dict[str, str] = field(default_factory=dict)
    master: Any = None
    replica: Any = None

    def start_master(self) -> None:
        """Start the master (anew, if it was removed)."""
        files = {"password": self.password, "replication": self.replication_password, "schema.sql": SCHEMA}
        self.master = self._start("master", files, SETTINGS | REPLICATION, name=f"{self.network}-master")

    def start_replica(self) -> None:
        """Start the replica with the master's address and one password."""
        settings = REPLICATION | {"MARIADB_MASTER_HOST": f"{self.network}-master"}
        self.replica = self._start("replica", {"replication": self.replication_password}, settings)

    def _start(self, role: str, files: dict[str, str], settings: dict[str, str], **more: Any) -> Any:
        if role not in self.volumes:
            self.volumes[role] = self.volume()
        mounts = {self.volumes[role]: {"bind": "/var/lib/mysql", "mode": "rw"}}
        return self.start(self.image, files, settings, volumes=mounts, network_mode=self.network, **more)

    def sql(self, container: Any, statement: str) -> tuple[int, str]:
        """Run a statement as the service's user."""
        return sql(container, statement, self.password)

    def write(self) -> str:
        """Write a row as the service's user does, and return it."""
        note = secrets.token_hex(8)
        assert self.sql(self.master, f"INSERT INTO notes (note) VALUES ('{note}')")[0] == 0
        return note

    def assert_follows(self) -> None:
        """Assert that a new row on the master reaches the replica, and that all rows are equal."""
        note, everything = self.write(), "SELECT GROUP_CONCAT(id, note ORDER BY id) FROM notes"
        until(lambda: note in self.sql(self.replica, everything)[1], self.replica)
        assert self.sql(self.replica, everything) == self.sql(self.master, everything)

    def health(self) -> tuple[int, str]:
        """Run the replica's health check; return its exit code and output."""
        return run(self.replica, HEALTH)


@pytest.fixture(scope="module")
def make_pair(
    client: Any, labels: dict[str, str], hardened: Callable[..., Any], images: dict[str, str], volume: Callable[[], str]
) -> Iterator[Callable[..., Replication]]:
    """Make pairs; their networks are removed from the containers, which another fixture removes later."""
    networks: list[Any] = []

    def make(replication_password: str = "") -> Replication:
        networks.append(client.networks.create(f"replication-test-{secrets.token_hex(4)}", labels=dict(labels)))
        password = replication_password or new_canary()
        return Replication(hardened, volume, images["mariadb"], str(networks[-1].name), password)

    yield make
    for network in networks:
        network.reload()
        for container in network.containers:
            network.disconnect(container, force=True)
        network.remove()


@pytest.fixture(scope="module")
def pair(make_pair: Callable[..., Replication]) -> Replication:
    """A pair for the tests that leave both running; the replica started first, and was not healthy alone."""
    pair = make_pair()
    pair.start_replica()
    until(lambda: b"ready for connections" in pair.replica.logs(), pair.replica)
    assert pair.health()[0] == 1
    pair.start_master()
    wait_healthy(pair.replica)
    return pair


def test_replica_that_started_first_follows(pair: Replication) -> None:
    """It gets everything, users too, once the master is there; it only reads."""
    pair.assert_follows()
    code, output = pair.sql(pair.replica, "INSERT INTO notes (note) VALUES ('astray')")
    assert code == 1
    assert "read-only" in output


def test_says_when_it_does_not_follow(pair: Replication) -> None:
    """Without its master it is unhealthy and gives the reason; after a kill of both it follows again."""
    pair.master.kill()
    until(lambda: "error" in pair.health()[1] and "to master" in pair.health()[1], pair.replica)
    code, output = pair.health()
    assert code == 1
    assert output.startswith("not replicating")
    pair.replica.kill()
    pair.master.start()
    pair.replica.start()
    until(lambda: pair.health()[0] == 0, pair.replica)
    pair.assert_follows()


@pytest.mark.long
def test_starts_again_what_ended_by_itself(pair: Replication) -> None:
    """A master that is silent during a log-in ends the I/O thread for good: the health check starts it.

    Threads that were both stopped on purpose stay stopped.
    """
    tell = "mariadb --user=health --execute='{} REPLICA {}'"
    assert run(pair.replica, tell.format("STOP", "IO_THREAD"))[0] == 0
    until(lambda: pair.health()[0] == 0, pair.replica)
    pair.assert_follows()
    assert run(pair.replica, tell.format("STOP", ""))[0] == 0
    assert [pair.health()[0] for _ in range(3)] == [1, 1, 1]
    assert run(pair.replica, tell.format("START", ""))[0] == 0


@pytest.mark.long
def test_lost_data_is_fetched_again_or_told(make_pair: Callable[..., Replication]) -> None:
    """A replica that lost its volume needs no dump; a master that lost its volume is a stranger (error 1236)."""
    pair = make_pair(UNUSUAL)
    pair.start_master()
    pair.start_replica()
    wait_healthy(pair.replica)
    pair.assert_follows()
    pair.replica.remove(force=True)
    del pair.volumes["replica"]
    pair.start_replica()
    pair.assert_follows()
    pair.master.remove(force=True)
    del pair.volumes["master"]
    pair.start_master()
    wait_healthy(pair.master)
    until(lambda: "1236" in pair.health()[1].split("(After")[0], pair.replica)
    assert pair.health()[0] == 1
