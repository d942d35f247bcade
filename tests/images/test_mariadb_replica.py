"""A MariaDB replica: in any order of starts, stops and kills it catches up, and it is unhealthy when it does not."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from tests.images.conftest import run, until, wait_healthy
from workshop_kit.observe.leaks import new_canary

pytestmark = pytest.mark.engine

SCHEMA = "CREATE TABLE IF NOT EXISTS notes (id INT PRIMARY KEY AUTO_INCREMENT, note VARCHAR(99) NOT NULL);\n"
REPLICATION = {"MARIADB_REPLICATION_PASSWORD_FILE": "/run/secrets/replication"}
MASTER = REPLICATION | {
    "MARIADB_DATABASE": "workshop",
    "MARIADB_USER": "orders",
    "MARIADB_PASSWORD_FILE": "/run/secrets/password",
    "MARIADB_SCHEMA_FILE": "/run/secrets/schema.sql",
}
UNUSUAL = "'; STOP SLAVE; -- päßwörd 密码 a\\b\"c\nd\\\n"


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
        self.master = self._start("master", files, MASTER, name=f"{self.network}-master")

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
        """Run a statement as the service's user, over TCP."""
        command = 'mariadb --host=127.0.0.1 --user=orders --batch --skip-column-names --execute="$SQL" workshop'
        return run(container, command, MYSQL_PWD=self.password, SQL=statement)

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
        return run(self.replica, "/usr/local/lib/workshop/healthcheck.sh")


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
