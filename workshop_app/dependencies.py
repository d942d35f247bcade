"""What the service needs from others: connect, ping, close; a ping stands beside each, so health is a loop."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from workshop_app import config, timings
from workshop_app.pings import Pings

if TYPE_CHECKING:
    import redis.asyncio
    from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

CONNECT_TIMEOUT_SECONDS = 1.0
CLOSE_TIMEOUT_SECONDS = 1.0
TRANSACTION_TIMEOUT_SECONDS = 1.5
REPLICA_TIMEOUT_SECONDS = 0.5  # past this, asking the master is faster
REPLICA_REST_SECONDS = 1.0
REDIS_TIMEOUT_SECONDS = 0.75

CRITICAL = "master-db,redis"  # unless HEALTH_CRITICAL says otherwise


class Unavailable(Exception):
    """A dependency did not do its part. ``name`` may be shown to a client; the cause is for the log only."""

    def __init__(self, name: str) -> None:
        super().__init__(f"{name} is not available")
        self.name = name


class NotConnectedYet(Unavailable):
    """Nobody has asked it: the service itself is starting."""


def reason(error: BaseException) -> str:
    """One line about an exception, for the log: ``ConnectionError: Connection refused``."""
    if isinstance(error, Unavailable):
        error = error.__cause__ or error
    error = getattr(error, "orig", None) or error  # SQLAlchemy wraps what the driver said in the whole statement
    return f"{type(error).__name__}: {str(error) or 'no answer in time'}"


class Dependency(Protocol):
    """Something the service needs."""

    name: str  # as its service is called in compose.yaml
    critical: bool  # is it not ready without this one?

    def connect(self) -> None:
        """Load the driver and make the pool. Slow, since drivers are large; touches no network."""

    async def ping(self) -> None:
        """Return if the dependency answers, raise if it does not. The caller sets the time limit."""

    async def close(self) -> None:
        """Close every connection."""


class Database:
    """MariaDB. Pings have a connection of their own, so that a busy pool does not look like a sick database."""

    timeout_seconds = TRANSACTION_TIMEOUT_SECONDS

    def __init__(self, name: str, settings: config.MasterDb | config.ReplicaDb) -> None:
        self.name = name
        self.critical = False
        self.pings = Pings()
        self._settings = settings
        self._queries: AsyncEngine | None = None
        self._pings: AsyncEngine | None = None

    def connect(self) -> None:
        """Make both pools."""
        self._queries = self._engine(pool_size=5, max_overflow=5, pool_timeout=CONNECT_TIMEOUT_SECONDS)
        self._pings = self._engine(pool_size=1, max_overflow=0, pool_timeout=0.8)

    def _engine(self, *, pool_size: int, max_overflow: int, pool_timeout: float) -> AsyncEngine:
        # Imported here: it takes longer than the rest of the start together.
        from sqlalchemy import URL
        from sqlalchemy.ext.asyncio import create_async_engine

        db = self._settings
        return create_async_engine(
            URL.create("mysql+asyncmy", db.user, db.password.get_secret_value(), db.host, db.port, db.name),
            pool_size=pool_size,
            max_overflow=max_overflow,
            pool_timeout=pool_timeout,
            pool_pre_ping=True,  # a connection that the database closed meanwhile fails no request
            hide_parameters=True,  # errors are logged: keep what customers ordered out of them
            connect_args={"connect_timeout": CONNECT_TIMEOUT_SECONDS, "sql_mode": db.sql_mode, "charset": "utf8mb4"},
        )

    @asynccontextmanager
    async def transaction(self, timeout_seconds: float | None = None) -> AsyncIterator[AsyncConnection]:
        """A transaction, committed at the end; ``Unavailable`` if the database does not answer in time."""
        if self._queries is None:
            raise NotConnectedYet(self.name)
        from sqlalchemy import exc

        queries = self._queries
        away = (OSError, TimeoutError, exc.TimeoutError, exc.OperationalError, exc.InterfaceError, exc.InternalError)
        try:
            with timings.waiting_for(self.name):
                async with asyncio.timeout(timeout_seconds or self.timeout_seconds), queries.begin() as connection:
                    yield connection
        except away as error:
            raise Unavailable(self.name) from error

    async def ping(self) -> None:
        """Ask for the answer to ``SELECT 1``."""
        with self.pings.measured():
            if self._pings is None:
                raise NotConnectedYet(self.name)
            async with self._pings.connect() as connection:
                await connection.exec_driver_sql("SELECT 1")

    async def close(self) -> None:
        """Close both pools."""
        for engine in (self._queries, self._pings):
            if engine is not None:
                await engine.dispose()


class Replica(Database):
    """A MariaDB that follows the master. We can do without: whoever reads from it falls back to the master.

    It may be behind, mostly by less than a millisecond; `replication_lag_seconds` says by how much. After it failed
    it is left alone for a while: with a replica that hangs, not every read should wait for it first.
    """

    timeout_seconds = REPLICA_TIMEOUT_SECONDS

    def __init__(self, name: str, settings: config.ReplicaDb) -> None:
        super().__init__(name, settings)
        self._rests_until = 0.0

    @asynccontextmanager
    async def transaction(self, timeout_seconds: float | None = None) -> AsyncIterator[AsyncConnection]:
        """A transaction that only reads; ``Unavailable`` for any error, and at once while the replica rests."""
        if self._queries is None or time.monotonic() < self._rests_until:
            raise Unavailable(self.name)  # and no import yet: `connect` is at it in a thread, half of it is there
        from sqlalchemy.exc import DBAPIError

        try:
            async with super().transaction(timeout_seconds) as connection:
                yield connection
        except (Unavailable, DBAPIError) as error:  # a table that is not there yet: it has not caught up
            self._rests_until = time.monotonic() + REPLICA_REST_SECONDS
            if isinstance(error, Unavailable):
                raise
            raise Unavailable(self.name) from error


async def replication_lag_seconds(master: Database, replica: Database, within_seconds: float = 1.0) -> float | None:
    """How long the replica takes to have all that the master has now; ``None`` if that is more than the time given.

    Asked of the data itself: ``Seconds_Behind_Master``, the usual answer, says 0 while the master hangs.
    Raises ``Unavailable`` if one of the two cannot be asked.
    """
    async with master.transaction() as connection:
        position = (await connection.exec_driver_sql("SELECT @@gtid_binlog_pos")).scalar_one()
    started = time.perf_counter()
    async with replica.transaction(within_seconds + TRANSACTION_TIMEOUT_SECONDS) as connection:
        wait = await connection.exec_driver_sql("SELECT MASTER_GTID_WAIT(%s, %s)", (position, within_seconds))
        caught_up = wait.scalar_one() == 0
    return time.perf_counter() - started if caught_up else None


class Cache:
    """Redis, which forgets: whoever reads from it can do without, and catches ``Unavailable``."""

    def __init__(self, name: str, settings: config.Redis) -> None:
        self.name = name
        self.critical = False
        self.pings = Pings()
        self._settings = settings
        self._client: redis.asyncio.Redis | None = None

    def connect(self) -> None:
        """Make the pool."""
        from redis.asyncio import Redis
        from redis.asyncio.retry import Retry
        from redis.backoff import NoBackoff

        self._client = Redis(
            host=self._settings.host,
            port=self._settings.port,
            username=self._settings.user,
            password=self._settings.password.get_secret_value(),
            socket_timeout=REDIS_TIMEOUT_SECONDS,
            socket_connect_timeout=REDIS_TIMEOUT_SECONDS,
            retry=Retry(NoBackoff(), 0),  # the default retries make one second into fifteen
        )

    @asynccontextmanager
    async def client(self) -> AsyncIterator[redis.asyncio.Redis]:
        """The client; ``Unavailable`` for whatever goes wrong with it."""
        if self._client is None:
            raise NotConnectedYet(self.name)
        try:
            with timings.waiting_for(self.name):
                yield self._client
        except Exception as error:  # a connection reset at the wrong moment is a bare TypeError or RuntimeError
            raise Unavailable(self.name) from error

    async def ping(self) -> None:
        """Ask for PONG."""
        with self.pings.measured():
            async with self.client() as client:
                await client.ping()

    async def close(self) -> None:
        """Close the pool."""
        if self._client is not None:
            await self._client.aclose()


@dataclass(frozen=True)
class Dependencies:
    """All of them; iterate to treat them alike."""

    master_db: Database
    replica_db: Replica
    redis: Cache

    @classmethod
    def of(cls, settings: config.Config) -> Dependencies:
        """Those that ``settings`` describe, not connected yet."""
        found = cls(
            Database("master-db", settings.master_db),
            Replica("replica-db", settings.replica_db),
            Cache("redis", settings.redis),
        )
        # A config module from before there was this setting does not have it.
        critical = getattr(getattr(settings, "health", None), "critical", CRITICAL).split(",")
        for dependency in found:
            dependency.critical = dependency.name in critical
        return found

    def __iter__(self) -> Iterator[Database | Cache]:
        return iter((self.master_db, self.replica_db, self.redis))

    def connect(self) -> None:
        """Connect each."""
        for dependency in self:
            dependency.connect()

    async def close(self) -> None:
        """Close each, all at once; one that does not let go in time is left to the end of the process."""
        with suppress(TimeoutError):
            async with asyncio.timeout(CLOSE_TIMEOUT_SECONDS):
                await asyncio.gather(*(dependency.close() for dependency in self), return_exceptions=True)
