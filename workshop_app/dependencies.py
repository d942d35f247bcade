"""What the service needs from others: two databases and a cache. Each can be used, pinged and closed."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from typing import Protocol

from prometheus_client import Gauge, Summary
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from sqlalchemy import URL, exc
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from . import config, timings

CONNECT_TIMEOUT_SECONDS = 1.0
POOL_TIMEOUT_SECONDS = 0.8
CLOSE_TIMEOUT_SECONDS = 1.0
TRANSACTION_TIMEOUT_SECONDS = 1.5
REPLICA_TIMEOUT_SECONDS = 0.5  # past this, asking the master is faster
REPLICA_REST_SECONDS = 1.0
REDIS_TIMEOUT_SECONDS = 0.75

UP = Gauge("dependency_up", "Whether the last ping passed; NaN before the first.", ("dependency",))
PINGS = Summary("dependency_ping_seconds", "How long pings took, passed or not.", ("dependency",))

# What the driver raises when the database does not do its part.
AWAY = (OSError, TimeoutError, exc.TimeoutError, exc.OperationalError, exc.InterfaceError, exc.InternalError)


class Unavailable(Exception):
    """A dependency did not do its part. ``name`` may be shown to a client; the cause is for the log only."""

    def __init__(self, name: str) -> None:
        super().__init__(f"{name} is not available")
        self.name = name


def reason(error: BaseException) -> str:
    """One line about an exception, for the log: ``ConnectionError: Connection refused``."""
    if isinstance(error, Unavailable):
        error = error.__cause__ or error
    error = getattr(error, "orig", None) or error  # SQLAlchemy wraps what the driver said in the whole statement
    return f"{type(error).__name__}: {str(error) or 'no answer in time'}"


class Dependency(Protocol):
    """Something that the service needs."""

    name: str  # as its service is called in compose.yaml
    critical: bool  # whether the service is not ready without it

    async def ping(self) -> None:
        """Return if the dependency answers, raise if it does not. The caller sets the time limit."""


@contextmanager
def measured_ping(name: str) -> Iterator[None]:
    """Count the block as a ping, which fails by raising."""
    passed = False
    try:
        with PINGS.labels(name).time():
            yield
        passed = True
    finally:
        UP.labels(name).set(passed)


class Database:
    """MariaDB. Pings have a connection of their own, so that a busy pool does not look like a sick database."""

    timeout_seconds = TRANSACTION_TIMEOUT_SECONDS

    def __init__(self, name: str, settings: config.Database) -> None:
        self.name = name
        self.critical = False
        self._settings = settings
        self._queries = self._engine(pool_size=5, max_overflow=5)
        self._pings = self._engine(pool_size=1, max_overflow=0)

    def _engine(self, **pool: int) -> AsyncEngine:
        db = self._settings
        return create_async_engine(
            URL.create("mysql+asyncmy", db.user, db.password.get_secret_value(), db.host, db.port, db.name),
            **pool,
            pool_timeout=POOL_TIMEOUT_SECONDS,
            pool_pre_ping=True,  # a connection that the database closed meanwhile fails no request
            hide_parameters=True,  # errors are logged: keep what customers ordered out of them
            connect_args={"connect_timeout": CONNECT_TIMEOUT_SECONDS, "sql_mode": db.sql_mode, "charset": "utf8mb4"},
        )

    @asynccontextmanager
    async def transaction(self, timeout_seconds: float | None = None) -> AsyncIterator[AsyncConnection]:
        """A transaction, committed at the end; ``Unavailable`` if the database does not answer in time."""
        limit = asyncio.timeout(timeout_seconds or self.timeout_seconds)
        try:
            with timings.waiting_for(self.name):
                async with limit, self._queries.begin() as connection:
                    yield connection
        except AWAY as error:
            raise Unavailable(self.name) from error

    async def ping(self) -> None:
        """Ask for the answer to ``SELECT 1``."""
        with measured_ping(self.name):
            async with self._pings.connect() as connection:
                await connection.exec_driver_sql("SELECT 1")

    async def close(self) -> None:
        """Close both pools."""
        await self._queries.dispose()
        await self._pings.dispose()


class Replica(Database):
    """A MariaDB that follows the master. The service works without it: reads fall back to the master.

    After a failure it is left alone for a while: with a replica that hangs, not every read should wait for it first.
    """

    timeout_seconds = REPLICA_TIMEOUT_SECONDS
    _rests_until = 0.0

    @asynccontextmanager
    async def transaction(self, timeout_seconds: float | None = None) -> AsyncIterator[AsyncConnection]:
        """A transaction that only reads; ``Unavailable`` for any error, and at once while the replica rests."""
        if time.monotonic() < self._rests_until:
            raise Unavailable(self.name)
        try:
            async with super().transaction(timeout_seconds) as connection:
                yield connection
        except (Unavailable, exc.DBAPIError) as error:  # a table that is not there yet: it has not caught up
            self._rests_until = time.monotonic() + REPLICA_REST_SECONDS
            if isinstance(error, Unavailable):
                raise
            raise Unavailable(self.name) from error


class Cache:
    """Redis. The service works without it: readers catch ``Unavailable``."""

    def __init__(self, name: str, settings: config.Redis) -> None:
        self.name = name
        self.critical = False
        self._client = Redis(
            host=settings.host,
            port=settings.port,
            username=settings.user,
            password=settings.password.get_secret_value(),
            socket_timeout=REDIS_TIMEOUT_SECONDS,
            socket_connect_timeout=REDIS_TIMEOUT_SECONDS,
            retry=Retry(NoBackoff(), 0),  # the default retries make one second into fifteen
        )

    @asynccontextmanager
    async def client(self) -> AsyncIterator[Redis]:
        """The client; ``Unavailable`` for whatever goes wrong with it."""
        try:
            with timings.waiting_for(self.name):
                yield self._client
        except Exception as error:  # a connection reset at the wrong moment is a bare TypeError or RuntimeError
            raise Unavailable(self.name) from error

    async def ping(self) -> None:
        """Ask for PONG."""
        with measured_ping(self.name):
            async with self.client() as client:
                await client.ping()

    async def close(self) -> None:
        """Close the pool."""
        await self._client.aclose()


@dataclass(frozen=True)
class Dependencies:
    """All of them; iterate to treat them alike."""

    master_db: Database
    replica_db: Replica
    redis: Cache

    @classmethod
    def of(cls, settings: config.Config) -> Dependencies:
        """Those that ``settings`` describe; each connects when it is first used."""
        found = cls(
            Database("master-db", settings.master_db),
            Replica("replica-db", settings.replica_db),
            Cache("redis", settings.redis),
        )
        for dependency in found:
            dependency.critical = dependency.name in settings.health.critical.split(",")
            UP.labels(dependency.name).set(float("nan"))
        return found

    def __iter__(self) -> Iterator[Database | Cache]:
        return iter((self.master_db, self.replica_db, self.redis))

    async def close(self) -> None:
        """Close each, all at once; one that does not let go in time is left to the end of the process."""
        with suppress(TimeoutError):
            async with asyncio.timeout(CLOSE_TIMEOUT_SECONDS):
                await asyncio.gather(*(dependency.close() for dependency in self), return_exceptions=True)
