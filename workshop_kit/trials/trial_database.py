"""A MariaDB server of one check, beside the stack's: its host, port, database, user and password are its own.

Its table has room for three characters of an item. MariaDB shortens a longer one, or refuses it in a strict SQL mode:
an order shows in which mode it was placed. The ids of its orders begin at a random number, so that an order shows in
which database it is.

Such a server may also stand in place of the stack's: with its port, names and passwords, and orders of its own.
"""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta

from workshop_kit.engine import containers, recipes
from workshop_kit.engine.container_spec import Spec
from workshop_kit.engine.containers import SECRETS_FOLDER, Running
from workshop_kit.engine.labels import COLLECT
from workshop_kit.engine.stack import Stack
from workshop_kit.host import MIB
from workshop_kit.trials import service_trial
from workshop_kit.trials.trial import NO_HEALTHCHECK

PORT = 3307
NAME = "shop_staging"
USER = "staging"
NOT_STRICT = "NO_ENGINE_SUBSTITUTION"
ITEM_LENGTH = 3
"""The characters of an item that its table keeps."""
FIRST_IDS = range(10**8, 9 * 10**8)
"""The id of its first order is one of these."""
SCHEMA = """
CREATE TABLE IF NOT EXISTS orders (
    id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
    item VARCHAR({item_length}) NOT NULL,
    quantity INT UNSIGNED NOT NULL,
    created_at DATETIME(3) NOT NULL
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 AUTO_INCREMENT={first_id};
"""
OLD_ORDER = """
INSERT INTO orders (item, quantity, created_at)
    VALUES ('tea', 1, UTC_TIMESTAMP(3) - INTERVAL {seconds} SECOND);
"""
SCRIPTS = "/docker-entrypoint-initdb.d"
"""The folder of the SQL that fills a new database."""
MEMORY_BYTES = 192 * MIB
IS_READY = "healthcheck.sh"
TMPFS = {"/tmp": "size=16m,mode=1777", "/run/mysqld": "size=1m,mode=1777"}  # noqa: S108  # in the container


@dataclass(frozen=True)
class TrialDatabase:
    """The running server; its first order gets the id ``first_id``."""

    running: Running
    first_id: int
    password: str = field(repr=False)

    @property
    def settings(self) -> dict[str, str]:
        """The variables of a service that has this server as its master, without the password."""
        return {
            "MASTER_DB_HOST": self.running.id[:12],
            "MASTER_DB_PORT": str(PORT),
            "MASTER_DB_NAME": NAME,
            "MASTER_DB_USER": USER,
            "MASTER_DB_SQL_MODE": NOT_STRICT,
        }

    def extra_hosts(self) -> dict[str, str]:
        """Return the addresses of a service that finds this server in place of the stack's databases."""
        [network] = self.running.inspect()["NetworkSettings"]["Networks"].values()
        return dict.fromkeys(("master-db", "replica-db"), network["IPAddress"])

    def wait_ready(self) -> None:
        """Wait until it answers. Raises WorkshopError if it does not in time."""
        self.running.wait_for(self._is_ready, goal="open its database")

    def _is_ready(self) -> bool:
        return self.running.exec(IS_READY).exit_code == 0


@contextlib.contextmanager
def start(stack: Stack, password: str = "") -> Iterator[TrialDatabase]:
    """Start a server in the stack's network, with a password or a random one; remove it at the end of the block."""
    password = password or secrets.token_urlsafe(12)
    first_id = secrets.choice(FIRST_IDS)
    spec = _spec(
        stack,
        {"MARIADB_DATABASE": NAME, "MARIADB_USER": USER},
        password,
        SCHEMA.format(item_length=ITEM_LENGTH, first_id=first_id),
    )
    with containers.run(stack.session, replace(spec, command=(f"--port={PORT}",))) as running:
        yield TrialDatabase(running, first_id, password)


@contextlib.contextmanager
def start_in_place(stack: Stack, ages: Sequence[timedelta]) -> Iterator[TrialDatabase]:
    """Start a server with the stack's port, names and passwords; it has an order of each age, the oldest first."""
    settings = service_trial.settings_of(stack.container("master-db"))
    names = ("MARIADB_DATABASE", "MARIADB_USER", "MARIADB_SHOP_PASSWORD")
    password = (stack.secrets_folder / "master_db_password").read_text()

    first_id = secrets.choice(FIRST_IDS)
    schema = SCHEMA.format(item_length=ITEM_LENGTH, first_id=first_id)
    for age in ages:
        schema += OLD_ORDER.format(seconds=age.total_seconds())

    spec = _spec(stack, {name: settings[name] for name in names}, password, schema)
    with containers.run(stack.session, spec) as running:
        yield TrialDatabase(running, first_id, password)


def _spec(stack: Stack, environment: Mapping[str, str], password: str, schema: str) -> Spec:
    """Return the spec of a server."""
    return Spec(
        recipes.tags(stack.root)["mariadb"],
        environment={
            **environment,
            "MARIADB_PASSWORD_FILE": f"{SECRETS_FOLDER}/password",
            "MARIADB_RANDOM_ROOT_PASSWORD": "1",
        },
        network=stack.network,
        volumes=("/var/lib/mysql", SECRETS_FOLDER, SCRIPTS),
        files={f"{SECRETS_FOLDER}/password": password, f"{SCRIPTS}/schema.sql": schema},
        tmpfs=TMPFS,
        memory_bytes=MEMORY_BYTES,
        labels={COLLECT: "no"},
        healthcheck=NO_HEALTHCHECK,
    )
