"""A MariaDB server of one check, beside the stack's: its host, port, database, user and password are its own.

Its table has room for three characters of an item. MariaDB shortens a longer one, or refuses it in a strict SQL mode:
an order shows in which mode it was placed. The ids of its orders begin at a random number, so that an order shows in
which database it is.
"""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Iterator
from dataclasses import dataclass, field

from workshop_kit.engine import containers, recipes
from workshop_kit.engine.containers import SECRETS_FOLDER, Running, Spec
from workshop_kit.engine.labels import COLLECT
from workshop_kit.engine.stack import Stack
from workshop_kit.host import MIB
from workshop_kit.trials.trial import NO_HEALTHCHECK

PORT = 3307
NAME = "shop_staging"
USER = "staging"
NOT_STRICT = "NO_ENGINE_SUBSTITUTION"
ROOM = 3
"""The characters of an item that its table keeps."""
IDS = range(10**8, 9 * 10**8)
SCHEMA = """
CREATE TABLE IF NOT EXISTS orders (
    id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
    item VARCHAR({room}) NOT NULL,
    quantity INT UNSIGNED NOT NULL,
    created_at DATETIME(3) NOT NULL
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 AUTO_INCREMENT={first_id};
"""
MEMORY_BYTES = 192 * MIB
IS_READY = "/usr/local/lib/workshop/healthcheck.sh"
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

    def wait_ready(self) -> None:
        """Wait until it answers. Raises WorkshopError if it does not in time."""
        self.running.wait_for(self._is_ready, goal="open its database")

    def _is_ready(self) -> bool:
        return self.running.exec(IS_READY).exit_code == 0


@contextlib.contextmanager
def start(stack: Stack, password: str = "") -> Iterator[TrialDatabase]:
    """Start a server in the stack's network, with a password or a random one; remove it at the end of the block."""
    password = password or secrets.token_urlsafe(12)
    first_id = secrets.choice(IDS)
    spec = Spec(
        recipes.tags(stack.root)["mariadb"],
        command=(f"--port={PORT}",),
        environment={
            "MARIADB_DATABASE": NAME,
            "MARIADB_USER": USER,
            "MARIADB_PASSWORD_FILE": f"{SECRETS_FOLDER}/password",
            "MARIADB_SCHEMA_FILE": f"{SECRETS_FOLDER}/schema.sql",
        },
        network=f"{stack.project}_default",
        volumes=("/var/lib/mysql", SECRETS_FOLDER),
        files={
            f"{SECRETS_FOLDER}/password": password,
            f"{SECRETS_FOLDER}/schema.sql": SCHEMA.format(room=ROOM, first_id=first_id),
        },
        tmpfs=TMPFS,
        memory_bytes=MEMORY_BYTES,
        labels={COLLECT: "no"},
        healthcheck=NO_HEALTHCHECK,
    )
    with containers.run(stack.session, spec) as running:
        yield TrialDatabase(running, first_id, password)
