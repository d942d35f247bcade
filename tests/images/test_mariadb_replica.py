"""A MariaDB that follows another: whoever starts, stops or dies first, it catches up, and tells when it does not."""

from __future__ import annotations

import contextlib
import secrets
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from docker.errors import NotFound

from tests.images.seen import leaks, new_secret, refusal, run, surfaces, wait_healthy

pytestmark = pytest.mark.engine

Start = Callable[..., Any]
PATIENCE_SECONDS = 60
SCHEMA = "CREATE TABLE IF NOT EXISTS notes (id INT PRIMARY KEY AUTO_INCREMENT, note VARCHAR(99) NOT NULL);\n"
REPLICATION = {"MARIADB_REPLICATION_PASSWORD_FILE": "/run/secrets/replication"}
MASTER = {
    "MARIADB_DATABASE": "workshop",
    "MARIADB_USER": "orders",
    "MARIADB_PASSWORD_FILE": "/run/secrets/password",
    "MARIADB_SCHEMA_FILE": "/run/secrets/schema.sql",
} | REPLICATION


@dataclass
class Pair:
    """A master and a replica on a network of their own, each on its volume; none of them runs yet."""

    start: Start
    image: str
    network: str
    volumes: dict[str, str]
    name: str
    password: str
    replication_password: str

    def master(self, **files: str) -> Any:
        """Start the master (anew, if it was removed)."""
        files = {"password": self.password, "replication": self.replication_password, "schema.sql": SCHEMA} | files
        return self._start("master", files, MASTER, name=self.name)

    def replica(self, **files: str) -> Any:
        """Start the replica: all it knows is where the master is, and one password."""
        files = {"replication": self.replication_password} | files
        return self._start("replica", files, REPLICATION | {"MARIADB_MASTER_HOST": self.name})

    def _start(self, role: str, files: dict[str, str], settings: dict[str, str], **more: Any) -> Any:
        mounts = {self.volumes[role]: {"bind": "/var/lib/mysql", "mode": "rw"}}
        return self.start(self.image, files, settings, volumes=mounts, network_mode=self.network, **more)

    def write(self, master: Any, note: str) -> None:
        """Write a row as the service's user does."""
        code, output = self.sql(master, f"INSERT INTO notes (note) VALUES ('{note}')")
        assert code == 0, output

    def sql(self, container: Any, statement: str) -> tuple[int, str]:
        """Run a statement as the service's user, over TCP."""
        command = 'mariadb --host=127.0.0.1 --user=orders --batch --skip-column-names --execute="$SQL" workshop'
        code, output = run(container, command, MYSQL_PWD=self.password, SQL=statement)
        return code, output.decode().strip()

    def follows(self, master: Any, replica: Any) -> None:
        """What is written on the master is soon on the replica."""
        note = secrets.token_hex(8)
        self.write(master, note)
        until(lambda: note in self.sql(replica, "SELECT note FROM notes")[1], replica)


def until(condition: Callable[[], bool], container: Any) -> None:
    """Poll until a condition holds; fail with the container's log."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < deadline, container.logs(tail=30).decode(errors="replace")
        time.sleep(0.1)


def says(container: Any) -> tuple[int, str]:
    """What the health check says now."""
    code, output = run(container, "/usr/local/lib/workshop/healthcheck.sh")
    return code, output.decode()


@pytest.fixture
def pair(
    client: Any, hardened: Start, images: dict[str, str], volume: Callable[[], str], labels: dict[str, str]
) -> Iterator[Pair]:
    """A pair that has never been started; its network goes after its containers."""
    name = f"replication-test-{secrets.token_hex(4)}"
    network = client.networks.create(name, labels=dict(labels))
    started: list[Any] = []

    def start(*arguments: Any, **more: Any) -> Any:
        started.append(hardened(*arguments, **more))
        return started[-1]

    volumes = {"master": volume(), "replica": volume()}
    yield Pair(start, images["mariadb"], name, volumes, f"{name}-master", new_secret(), new_secret())
    for container in started:
        with contextlib.suppress(NotFound):
            container.remove(force=True)
    network.remove()


@pytest.mark.parametrize("first", ["master", "replica"])
def test_either_may_start_first(pair: Pair, first: str) -> None:
    """The replica gets everything, users too, and is healthy once it follows; not before."""
    if first == "master":
        master, replica = pair.master(), pair.replica()
    else:
        replica = pair.replica()
        until(lambda: b"ready for connections" in replica.logs(), replica)
        assert says(replica)[0] == 1
        master = pair.master()
    wait_healthy(master)
    wait_healthy(replica)
    pair.follows(master, replica)


def test_follows_again_whoever_was_killed_or_restarted(pair: Pair) -> None:
    """Kill -9 or restart of either, or of both in either order: it catches up, and nothing is missing."""
    master, replica = pair.master(), pair.replica()
    wait_healthy(replica)
    for victims in ([replica], [master], [replica, master], [master, replica]):
        for victim in victims:
            victim.kill()
        if replica in victims and master not in victims:
            pair.write(master, "while the replica was away")
        for victim in victims:
            victim.start()
        wait_healthy(master)
        pair.follows(master, replica)
    replica.restart(timeout=20)
    pair.follows(master, replica)
    master.restart(timeout=20)
    wait_healthy(master)
    pair.follows(master, replica)
    everything = "SELECT GROUP_CONCAT(id, note ORDER BY id) FROM notes"
    assert pair.sql(replica, everything) == pair.sql(master, everything)
    assert says(replica)[0] == 0, "the master's start-up mark is none of the replica's"


def test_only_reads(pair: Pair) -> None:
    """The service's user opens the replica, and cannot write there."""
    master, replica = pair.master(), pair.replica()
    wait_healthy(replica)
    pair.follows(master, replica)
    code, output = pair.sql(replica, "INSERT INTO notes (note) VALUES ('astray')")
    assert code == 1
    assert "read-only" in output


def test_says_when_it_does_not_follow(pair: Pair) -> None:
    """Without its master it answers, but is not healthy, and says why; with its master it is again."""
    master, replica = pair.master(), pair.replica()
    wait_healthy(replica)
    master.stop(timeout=20)
    until(lambda: "error" in says(replica)[1] and "to master" in says(replica)[1], replica)
    code, output = says(replica)
    assert code == 1
    assert output.startswith("not replicating")
    master.start()
    until(lambda: says(replica)[0] == 0, replica)


def test_starts_again_what_ended_by_itself(pair: Pair) -> None:
    """A master that was silent in the middle of a log-in ends the I/O thread for good: the health check starts it.

    What was stopped on purpose, both threads, stays stopped.
    """
    master, replica = pair.master(), pair.replica()
    wait_healthy(master)
    wait_healthy(replica)
    assert run(replica, "mariadb --user=health --execute='STOP REPLICA IO_THREAD'")[0] == 0
    until(lambda: says(replica)[0] == 0, replica)
    pair.follows(master, replica)
    assert run(replica, "mariadb --user=health --execute='STOP REPLICA'")[0] == 0
    assert [says(replica)[0] for _ in range(3)] == [1, 1, 1]


def test_wrong_replication_password(pair: Pair) -> None:
    """A replica with another password is not let in, is not healthy, and prints no part of either."""
    wrong = new_secret()
    master, replica = pair.master(), pair.replica(replication=wrong)
    wait_healthy(master)
    until(lambda: "Access denied" in says(replica)[1], replica)
    assert says(replica)[0] == 1
    for secret in (wrong, pair.replication_password):
        assert leaks(secret, replica.logs() + says(replica)[1].encode()) == []


@pytest.mark.parametrize("unusual", ["'; STOP SLAVE; -- ", "päßwörd 密码", 'a\\b"c\nd\\\n', "x" * 96])
def test_any_text_is_a_replication_password(pair: Pair, unusual: str) -> None:
    """Quotes, backslashes, line ends and any letters may stand in it."""
    master, replica = pair.master(replication=f"{unusual}\n"), pair.replica(replication=f"{unusual}\n")
    wait_healthy(replica)
    pair.follows(master, replica)


def test_replica_that_lost_its_data_fetches_it_again(pair: Pair, volume: Callable[[], str]) -> None:
    """However much has happened since, no dump is needed."""
    master, replica = pair.master(), pair.replica()
    wait_healthy(replica)
    pair.write(master, "long ago")
    replica.remove(force=True)
    pair.volumes["replica"] = volume()
    replica = pair.replica()
    pair.follows(master, replica)
    assert "long ago" in pair.sql(replica, "SELECT note FROM notes")[1]


def test_master_that_lost_its_data_is_a_stranger(pair: Pair, volume: Callable[[], str]) -> None:
    """The one trap that is left: the replica says so, and what helps; with both volumes gone all is well."""
    master, replica = pair.master(), pair.replica()
    wait_healthy(replica)
    pair.follows(master, replica)
    master.remove(force=True)
    pair.volumes["master"] = volume()
    master = pair.master()
    wait_healthy(master)
    until(lambda: "1236" in says(replica)[1].split("(After")[0], replica)
    assert says(replica)[0] == 1
    replica.remove(force=True)
    pair.volumes["replica"] = volume()
    pair.follows(master, pair.replica())


def test_no_trace_of_the_replication_password(pair: Pair) -> None:
    """Not in what the engine, /proc, the log or the data of either show; the server keeps it in memory alone."""
    master, replica = pair.master(), pair.replica()
    wait_healthy(replica)
    pair.follows(master, replica)
    assert says(replica)[0] == 0
    for container in (master, replica):
        seen = dict(surfaces(container, written="/var/lib/mysql /tmp"))
        for secret in (pair.password, pair.replication_password):
            assert {where: found for where, text in seen.items() if (found := leaks(secret, text))} == {}
        assert b"notes" in seen["files"]


BAD_INPUT: dict[str, tuple[dict[str, str], str, str]] = {
    "no host": ({"MARIADB_MASTER_HOST": ""}, "secret", "MARIADB_MASTER_HOST is not set"),
    "a quote in the host": ({"MARIADB_MASTER_HOST": "o'neill"}, "secret", "MARIADB_MASTER_HOST is not usable"),
    "no password": (
        {"MARIADB_REPLICATION_PASSWORD_FILE": ""},
        "secret",
        "MARIADB_REPLICATION_PASSWORD_FILE is not set",
    ),
    "an empty password": ({}, "\n", "MARIADB_REPLICATION_PASSWORD_FILE names an empty file"),
    "a long password": ({}, "x" * 97, "MARIADB_REPLICATION_PASSWORD_FILE holds too long a password"),
}


@pytest.mark.parametrize("case", BAD_INPUT)
def test_bad_input_is_one_sentence(
    hardened: Start, images: dict[str, str], volume: Callable[[], str], case: str
) -> None:
    """What is wrong with a replica's settings is said in one sentence, with exit code 1."""
    settings, password, words = BAD_INPUT[case]
    container = hardened(
        images["mariadb"],
        {"replication": password},
        REPLICATION | {"MARIADB_MASTER_HOST": "master"} | settings,
        volumes={volume(): {"bind": "/var/lib/mysql", "mode": "rw"}},
    )
    code, log = refusal(container)
    assert code == 1
    assert words in log
    assert log.count("\n") == 1
