"""A database that vanishes behind an open connection: nothing refuses, nothing answers, and no request hangs."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine

import pytest

from workshop_app import config, dependencies
from workshop_app.dependencies import Database
from workshop_kit.engine.stack import Stack

LAST_QUERY = b"SELECT 1"
"""The relay passes the answer to this query on, and nothing after it."""


async def ping(database: Database) -> None:
    """Ping once; the database vanishes after its answer."""
    await database.ping()


async def transact(database: Database) -> None:
    """Run out of time in a transaction while nothing is read, so that giving the connection back rolls back."""
    async with database.transaction() as connection:
        await connection.exec_driver_sql(LAST_QUERY.decode())
        await asyncio.sleep(60)


class Relay:
    """Pass bytes on to a server until it has answered `LAST_QUERY`, then keep all that it says."""

    def __init__(self, host: str, port: int) -> None:
        self._host, self._port = host, port
        self._vanishes = self._gone = False

    async def serve(self) -> tuple[asyncio.Server, int]:
        """Listen on a free port; return the server and its port."""
        server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        return server, server.sockets[0].getsockname()[1]

    async def _accept(self, near: asyncio.StreamReader, answers: asyncio.StreamWriter) -> None:
        far, queries = await asyncio.open_connection(self._host, self._port)
        await asyncio.gather(self._pump(near, queries, queries=True), self._pump(far, answers, queries=False))

    async def _pump(self, source: asyncio.StreamReader, target: asyncio.StreamWriter, *, queries: bool) -> None:
        while data := await source.read(65536):
            if self._gone:
                continue
            target.write(data)
            self._gone = self._vanishes and not queries
            self._vanishes = self._vanishes or (queries and LAST_QUERY in data)


@pytest.mark.parametrize("use", [ping, transact])
def test_a_connection_whose_database_vanished_is_given_up(
    stack: Stack, use: Callable[[Database], Coroutine[None, None, None]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A rollback is not canceled with its request: it must end by itself, and a ping must not send any."""
    monkeypatch.setattr(dependencies, "READ_TIMEOUT_SECONDS", 1.0)
    stack.up("master-db")
    networks = stack.container("master-db").attrs["NetworkSettings"]["Networks"]
    host = next(iter(networks.values()))["IPAddress"]
    password = (stack.folder / "secrets" / "master_db_password").read_text().strip()

    async def outcome() -> asyncio.Task[None] | None:
        server, port = await Relay(host, 3306).serve()
        given = {"host": "127.0.0.1", "port": port, "name": "workshop", "user": "orders", "sql_mode": "ANSI"}
        database = Database("master-db", config.Database(**given, password=password))  # type: ignore[arg-type]
        task = asyncio.create_task(use(database))
        done, _ = await asyncio.wait([task], timeout=20)
        server.close()
        return task if done else None

    ended = asyncio.run(outcome())
    assert ended is not None, "it hangs"
    assert (ended.exception() is None) == (use is ping)
