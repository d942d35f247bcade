"""A database that vanishes behind an open connection: nothing refuses, nothing answers, and no request hangs."""

from __future__ import annotations

import asyncio

import pytest

from workshop_app import config, dependencies
from workshop_app.dependencies import Database
from workshop_kit.engine.stack import Stack

LAST_QUERY = "SELECT 1"
"""The relay passes the answer to this query on, and nothing after it."""


class Relay:
    """Pass bytes on to a server until it has answered `LAST_QUERY`, then keep all that it says."""

    def __init__(self, host: str, port: int) -> None:
        self._host, self._port = host, port
        self._vanishes = self._gone = False

    async def accept(self, near: asyncio.StreamReader, answers: asyncio.StreamWriter) -> None:
        """Serve one client."""
        far, queries = await asyncio.open_connection(self._host, self._port)
        await asyncio.gather(self._pump(near, queries, queries=True), self._pump(far, answers, queries=False))

    async def _pump(self, source: asyncio.StreamReader, target: asyncio.StreamWriter, *, queries: bool) -> None:
        while data := await source.read(65536):
            if self._gone:
                continue
            target.write(data)
            self._gone = self._vanishes and not queries
            self._vanishes = self._vanishes or (queries and LAST_QUERY.encode() in data)


async def use(database: Database, *, ping: bool) -> None:
    """Ping; or run out of time in a transaction while nothing is read, so that giving the connection back rolls back.

    The database vanishes after its answer to the query.
    """
    if ping:
        await database.ping()
        return
    async with database.transaction() as connection:
        await connection.exec_driver_sql(LAST_QUERY)
        await asyncio.sleep(60)


@pytest.mark.parametrize("ping", [True, False], ids=["ping", "transaction"])
def test_a_connection_whose_database_vanished_is_given_up(
    stack: Stack, ping: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A rollback is not canceled with its request: it must end by itself, and a ping must not send any."""
    monkeypatch.setattr(dependencies, "READ_TIMEOUT_SECONDS", 1.0)
    stack.up("master-db")
    networks = stack.container("master-db").attrs["NetworkSettings"]["Networks"]
    host = next(iter(networks.values()))["IPAddress"]
    password = (stack.folder / "secrets" / "master_db_password").read_text().strip()

    async def outcome() -> asyncio.Task[None] | None:
        server = await asyncio.start_server(Relay(host, 3306).accept, "127.0.0.1", 0)
        given = {"host": "127.0.0.1", "port": server.sockets[0].getsockname()[1], "name": "workshop", "user": "orders"}
        settings = config.Database.model_validate({**given, "password": password, "sql_mode": "ANSI"})
        task = asyncio.create_task(use(Database("master-db", settings), ping=ping))
        done, _ = await asyncio.wait([task], timeout=20)
        server.close()
        return task if done else None

    ended = asyncio.run(outcome())
    assert ended is not None, "it hangs"
    assert (ended.exception() is None) == ping
