# Made by `./workshop build` from the lessons and the solutions of their exercises: edit those.
"""MariaDB: the connections to a server, and the statements that it runs."""

import asyncio
from typing import Any

from sqlalchemy import URL, text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import create_async_engine

import logs
from config import DatabaseSettings

Row = dict[str, Any]


def address(settings: DatabaseSettings) -> URL:
    """Return where the database is, and as which user we ask it."""
    return URL.create(
        "mysql+asyncmy",
        username=settings.user,
        password=settings.password.get_secret_value(),
        host=settings.host,
        port=settings.port,
        database=settings.name,
    )


class Unavailable(Exception):
    """The server that this names gave no answer in time; the cause is what its driver said."""


class Database:
    """One MariaDB server. It connects when it is first used."""

    def __init__(self, name: str, settings: DatabaseSettings, limit_seconds: float) -> None:
        self.name = name
        self.limit_seconds = limit_seconds
        self.engine = create_async_engine(
            address(settings),
            pool_timeout=limit_seconds,
            pool_pre_ping=True,  # a connection that the server has closed fails no request
            hide_parameters=True,  # errors are logged: without what customers ordered
            connect_args={
                "read_timeout": 2,
                "sql_mode": settings.sql_mode,
            },
        )

    async def run(self, statement: str, **values: Any) -> list[Row]:
        """Run one statement, and return its rows. Raises Unavailable after the time limit."""
        with logs.waiting_for(self.name):
            return await self.in_time(statement, values)

    async def in_time(self, statement: str, values: dict[str, Any]) -> list[Row]:
        """Run one statement. Raises Unavailable if it fails, or takes longer than the limit."""
        transaction = asyncio.ensure_future(self.transaction(statement, values))
        try:
            async with asyncio.timeout(self.limit_seconds):
                return await asyncio.shield(transaction)
        except (SQLAlchemyError, OSError) as error:  # TimeoutError is an OSError
            raise Unavailable(self.name) from error
        finally:
            # A transaction that is canceled cleans up first, and nobody waits for that.
            transaction.cancel()

    async def transaction(self, statement: str, values: dict[str, Any]) -> list[Row]:
        """Run one statement in a transaction of its own."""
        async with self.engine.begin() as connection:
            result = await connection.execute(text(statement), values)
            return [dict(row) for row in result.mappings()]

    async def ping(self) -> None:
        """Ask for any answer at all."""
        await self.run("SELECT 1 AS one")
