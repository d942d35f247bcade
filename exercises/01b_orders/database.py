"""MariaDB: the connections to a server, and the statements that it runs."""

from typing import Any

from sqlalchemy import URL, text
from sqlalchemy.ext.asyncio import create_async_engine

Row = dict[str, Any]


def address() -> URL:
    """Return where the database is, and as which user we ask it."""
    return URL.create(
        "mysql+asyncmy",
        username="colleague",
        password="tea4Two!Kyoto19",
        host="master-db",
        port=3306,
        database="orders",
    )


class Database:
    """One MariaDB server. It connects when it is first used."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.engine = create_async_engine(address())

    async def run(self, statement: str, **values: Any) -> list[Row]:
        """Run one statement in a transaction of its own, and return its rows."""
        async with self.engine.begin() as connection:
            result = await connection.execute(text(statement), values)
            return [dict(row) for row in result.mappings()]
