"""MariaDB: the connections to a server, and the statements that it runs."""

#: from 02:2
import asyncio
#: always
from typing import Any

from sqlalchemy import URL, text
#: from 02:2
from sqlalchemy.exc import SQLAlchemyError
#: always
from sqlalchemy.ext.asyncio import create_async_engine
#: from 02

#: from 03
import logs
#: from 02
from config import DatabaseSettings
#: always

Row = dict[str, Any]


#: from 02:2
class Unavailable(Exception):
    """The server that this names gave no answer in time; the cause is what its driver said."""


#: until 02
#| def address() -> URL:
#|     """Return where the database is, and as which user we ask it."""
#|     return URL.create(
#|         "mysql+asyncmy",
#|         username="colleague",
#|         password="tea4Two!Kyoto19",
#|         host="master-db",
#|         port=3306,
#|         database="orders",
#|     )
#: from 02
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


#: always


class Database:
    """One MariaDB server. It connects when it is first used."""

    #: until 02
    #| def __init__(self, name: str) -> None:
    #|     self.name = name
    #|     self.engine = create_async_engine(address())
    #: from 02 until 02:2
    #| def __init__(self, name: str, settings: DatabaseSettings) -> None:
    #|     self.name = name
    #|     self.engine = create_async_engine(address(settings), connect_args={"sql_mode": settings.sql_mode})
    #: from 02:2
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
    #: until 02:2

    #| async def run(self, statement: str, **values: Any) -> list[Row]:
    #|     """Run one statement in a transaction of its own, and return its rows."""
    #: from 02:2

    async def run(self, statement: str, **values: Any) -> list[Row]:
        """Run one statement, and return its rows. Raises Unavailable after the time limit."""
        #: from 02:2 until 03
        #| return await self.in_time(statement, values)
        #: from 03
        with logs.waiting_for(self.name):
            return await self.in_time(statement, values)
        #: from 02:2

    # region config.limits
    async def in_time(self, statement: str, values: dict[str, Any]) -> list[Row]:
        """Run one statement. Raises Unavailable if it fails, or takes longer than the limit."""
        #: only the solution
        transaction = asyncio.ensure_future(self.transaction(statement, values))
        try:
            async with asyncio.timeout(self.limit_seconds):
                return await asyncio.shield(transaction)
        except (SQLAlchemyError, OSError) as error:  # TimeoutError is an OSError
            raise Unavailable(self.name) from error
        finally:
            # A transaction that is canceled cleans up first, and nobody waits for that.
            transaction.cancel()
        #: only the starter
        #| return await self.transaction(statement, values)
        #: both

    # endregion config.limits

    async def transaction(self, statement: str, values: dict[str, Any]) -> list[Row]:
        """Run one statement in a transaction of its own."""
        #: always
        async with self.engine.begin() as connection:
            result = await connection.execute(text(statement), values)
            return [dict(row) for row in result.mappings()]
    #: from 04

    async def ping(self) -> None:
        """Ask for any answer at all."""
        await self.run("SELECT 1 AS one")
