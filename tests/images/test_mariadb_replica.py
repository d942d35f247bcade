"""A MariaDB replica: in any order of starts, stops and kills it catches up, and it is unhealthy when it does not."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from tests.images.container_state import run, until, wait_healthy
from workshop_kit.observe.leaks import new_canary

pytestmark = pytest.mark.engine

Start = Callable[..., Any]
SCHEMA = "CREATE TABLE IF NOT EXISTS notes (id INT PRIMARY KEY AUTO_INCREMENT, note VARCHAR(99) NOT NULL);\n"
REPLICATION = {"MARIADB_REPLICATION_PASSWORD_FILE": "/run/secrets/replication"}
MASTER = {
    "MARIADB_DATABASE": "workshop",
    "MARIADB_USER": "orders",
    "MARIADB_PASSWORD_FILE": "/run/secrets/password",
    "MARIADB_SCHEMA_FILE": "/run/secrets/schema.sql",
} | REPLICATION
UNUSUAL = "'; STOP SLAVE; -- päßwörd 密码 a\\b\"c\nd\\\n"


@dataclass
class Replication:
    """A master and a replica on a network of their own, each on its volume; neither runs yet."""

    start: Start
    image: str
    network: str
    volumes: dict[str, str]
    password: str
    replication_password: str

    def master(self) -> Any:
        """Start the master (anew, if it was removed)."""
        files = {"password": self.password, "replication": self.replication_password, "schema.sql": SCHEMA}
        return self._start("master", files, MASTER, name=f"{self.network}-master")

    def replica(self, password: str = "") -> Any:
        """Start the replica with the master's address and one password."""
        files = {"replication": password or self.replication_password}
        return self._start("replica", files, REPLICATION | {"MARIADB_MASTER_HOST": f"{self.network}-master"})

    def _start(self, role: str, files: dict[str, str], settings: dict[str, str], **more: Any) -> Any:
        mounts = {self.volumes[role]: {"bind": "/var/lib/mysql", "mode": "rw"}}
        return self.start(self.image, files, settings, volumes=mounts, network_mode=self.network, **more)

    def sql(self, container: Any, statement: str) -> tuple[int, str]:
        """Run a statement as the service's user, over TCP."""
        command = 'mariadb --host=127.0.0.1 --user=orders --batch --skip-column-names --execute="$SQL" workshop'
        code, output = run(container, command, MYSQL_PWD=self.password, SQL=statement)
        return code, output.decode().strip()

    def write(self, master: Any) -> str:
        """Write a row as the service's user does, and return it."""
        note = secrets.token_hex(8)
        assert self.sql(master, f"INSERT INTO notes (note) VALUES ('{note}')")[0] == 0
        return note

    def assert_follows(self, master: Any, replica: Any) -> None:
        """Assert that a new row on the master reaches the replica, and that all rows are equal."""
        note, everything = self.write(master), "SELECT GROUP_CONCAT(id, note ORDER BY id) FROM notes"
        until(lambda: note in self.sql(replica, everything)[1], replica)
        assert self.sql(replica, everything) == self.sql(master, everything)


def says(container: Any) -> tuple[int, str]:
    """Run the health check; return its exit code and output."""
    code, output = run(container, "/usr/local/lib/workshop/healthcheck.sh")
    return code, output.decode()


@pytest.fixture(scope="module")
def network(client: Any, labels: dict[str, str]) -> Iterator[Callable[[], str]]:
    """Make networks; at the end they are removed, also from containers that another fixture removes later."""
    made: list[Any] = []

    def make() -> str:
        made.append(client.networks.create(f"replication-test-{secrets.token_hex(4)}", labels=dict(labels)))
        return str(made[-1].name)

    yield make
    for one in made:
        one.reload()
        for container in one.containers:
            one.disconnect(container, force=True)
        one.remove()


@pytest.fixture(scope="module")
def make_pair(
    network: Callable[[], str], hardened: Start, images: dict[str, str], volume: Callable[[], str]
) -> Callable[..., Replication]:
    """Make a pair that has never been started."""

    def make(replication_password: str = "") -> Replication:
        volumes = {"master": volume(), "replica": volume()}
        return Replication(
            hardened, images["mariadb"], network(), volumes, new_canary(), replication_password or new_canary()
        )

    return make


@dataclass
class RunningReplication:
    """A pair that runs."""

    pair: Replication
    master: Any
    replica: Any


@pytest.fixture(scope="module")
def running(make_pair: Callable[..., Replication]) -> RunningReplication:
    """A pair for the tests that leave both running."""
    pair = make_pair()
    replica = pair.replica()
    until(lambda: b"ready for connections" in replica.logs(), replica)
    assert says(replica)[0] == 1
    running = RunningReplication(pair, pair.master(), replica)
    wait_healthy(running.replica)
    return running


def test_replica_that_started_first_follows(running: RunningReplication) -> None:
    """Not healthy alone, it gets everything, users too, once the master is there; it only reads."""
    pair = running.pair
    pair.assert_follows(running.master, running.replica)
    code, output = pair.sql(running.replica, "INSERT INTO notes (note) VALUES ('astray')")
    assert code == 1
    assert "read-only" in output


def test_says_when_it_does_not_follow(running: RunningReplication) -> None:
    """Without its master it is unhealthy and gives the reason; with its master it follows again."""
    running.master.kill()
    until(lambda: "error" in says(running.replica)[1] and "to master" in says(running.replica)[1], running.replica)
    code, output = says(running.replica)
    assert code == 1
    assert output.startswith("not replicating")
    running.master.start()
    until(lambda: says(running.replica)[0] == 0, running.replica)
    running.pair.assert_follows(running.master, running.replica)


@pytest.mark.long
def test_follows_again_after_a_kill_of_either(running: RunningReplication) -> None:
    """The replica, or both in either order, are killed: it catches up, and nothing is missing."""
    master, replica = running.master, running.replica
    for victims in ([replica], [replica, master], [master, replica]):
        for victim in victims:
            victim.kill()
        if master not in victims:
            running.pair.write(master)
        for victim in victims:
            victim.start()
        wait_healthy(master)
        running.pair.assert_follows(master, replica)


@pytest.mark.long
def test_starts_again_what_ended_by_itself(running: RunningReplication) -> None:
    """A master that is silent during a log-in ends the I/O thread for good: the health check starts it.

    Threads that were both stopped on purpose stay stopped.
    """
    replica = running.replica
    assert run(replica, "mariadb --user=health --execute='STOP REPLICA IO_THREAD'")[0] == 0
    until(lambda: says(replica)[0] == 0, replica)
    running.pair.assert_follows(running.master, replica)
    assert run(replica, "mariadb --user=health --execute='STOP REPLICA'")[0] == 0
    assert [says(replica)[0] for _ in range(3)] == [1, 1, 1]
    assert run(replica, "mariadb --user=health --execute='START REPLICA'")[0] == 0


@pytest.mark.long
def test_lost_data_is_fetched_again_or_told(make_pair: Callable[..., Replication], volume: Callable[[], str]) -> None:
    """A replica that lost its volume needs no dump; a master that lost its volume is a stranger (error 1236)."""
    pair = make_pair(UNUSUAL)
    master, replica = pair.master(), pair.replica()
    wait_healthy(replica)
    pair.assert_follows(master, replica)
    replica.remove(force=True)
    pair.volumes["replica"] = volume()
    replica = pair.replica()
    pair.assert_follows(master, replica)
    master.remove(force=True)
    pair.volumes["master"] = volume()
    wait_healthy(pair.master())
    until(lambda: "1236" in says(replica)[1].split("(After")[0], replica)
    assert says(replica)[0] == 1
