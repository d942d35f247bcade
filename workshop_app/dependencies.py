"""The servers that the service needs: a database, its replica and a cache. Each can be used, pinged and closed."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from contextvars import ContextVar
from typing import Any

from prometheus_client import Gauge
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from sqlalchemy import URL, exc
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from starlette.applications import Starlette

from . import config

CONNECT_TIMEOUT_SECONDS = 1.0
POOL_TIMEOUT_SECONDS = 0.8
READ_TIMEOUT_SECONDS = 10.0  # a rollback is not canceled: where the database has vanished, only this ends it
CLOSE_TIMEOUT_SECONDS = 1.0
REPLICA_REST_SECONDS = 1.0
REDIS_TIMEOUT_SECONDS = 0.75

UP = Gauge("dependency_up", "Whether the last ping passed; NaN before the first.", ("dependency",))

# What the driver raises when the database does not answer.
AWAY = (OSError, TimeoutError, exc.TimeoutError, exc.OperationalError, exc.InterfaceError, exc.InternalError)

_waits: ContextVar[dict[str, float]] = ContextVar("waits")


class Unavailable(Exception):
    """The dependency that this names did not answer; the cause is for the log only."""


def reason(error: BaseException) -> str:
    """One line about an exception, for the log: ``ConnectionError: Connection refused``."""
    if isinstance(error, Unavailable):
        error = error.__cause__ or error
    error = getattr(error, "orig", None) or error  # SQLAlchemy wraps what the driver said in the whole statement
    return f"{type(error).__name__}: {str(error) or 'no answer in time'}"


def measure_waits() -> dict[str, float]:
    """Start to measure this request's waits: the returned dictionary fills by name, ``{"master_db_ms": 1.2}``."""
    waits: dict[str, float] = {}
    _waits.set(waits)
    return waits


@contextmanager
def waiting_for(name: str, errors: tuple[type[Exception], ...]) -> Iterator[None]:
    """Measure the block as a wait for a dependency, and turn the ``errors`` of its driver into ``Unavailable``."""
    started = time.perf_counter()
    try:
        yield
    except errors as error:
        raise Unavailable(name) from error
    finally:
        waits = _waits.get({})  # outside of a request they are not logged
        key = f"{name.replace('-', '_')}_ms"
        waits[key] = round(waits.get(key, 0.0) + (time.perf_counter() - started) * 1000, 1)


def engine(db: config.Database, **pool: Any) -> AsyncEngine:
    """A pool of connections to a MariaDB; it connects when it is first used."""
    timeouts = {"connect_timeout": CONNECT_TIMEOUT_SECONDS, "read_timeout": READ_TIMEOUT_SECONDS}
    return create_async_engine(
        URL.create("mysql+asyncmy", db.user, db.password.get_secret_value(), db.host, db.port, db.name),
        **pool,
        pool_timeout=POOL_TIMEOUT_SECONDS,
        pool_pre_ping=True,  # a connection that the database closed meanwhile fails no request
        hide_parameters=True,  # errors are logged: keep what customers ordered out of them
        connect_args={**timeouts, "sql_mode": db.sql_mode, "charset": "utf8mb4"},
    )


class Database:
    """MariaDB. Pings have a connection of their own, so that a busy pool does not look like a sick database."""

    critical = False  # HEALTH_CRITICAL says which are
    timeout_seconds = 1.5  # for a whole transaction
    errors: tuple[type[Exception], ...] = AWAY

    def __init__(self, name: str, settings: config.Database) -> None:
        self.name = name
        self._queries = engine(settings, pool_size=5, max_overflow=5)
        no_rollback = {"isolation_level": "AUTOCOMMIT", "skip_autocommit_rollback": True, "pool_reset_on_return": None}
        self._pings = engine(settings, pool_size=1, max_overflow=0, **no_rollback)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[AsyncConnection]:
        """A transaction, committed at the end; ``Unavailable`` if the database does not answer in time."""
        with waiting_for(self.name, self.errors):
            async with asyncio.timeout(self.timeout_seconds), self._queries.begin() as connection:
                yield connection

    async def ping(self) -> None:
        """Ask for the answer to ``SELECT 1``."""
        async with self._pings.connect() as connection:
            await connection.exec_driver_sql("SELECT 1")

    async def close(self) -> None:
        """Close both pools."""
        await self._queries.dispose()
        await self._pings.dispose()


class Replica(Database):
    """A MariaDB that follows the master. The service works without it: reads fall back to the master.

    After a failure no read asks it for a second, so that a replica that hangs does not delay every read.
    """

    timeout_seconds = 0.5  # after this time the master is faster
    errors = (*AWAY, exc.DBAPIError)  # a table that is not there yet: the replica has not caught up
    _rests_until = 0.0

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[AsyncConnection]:
        """A transaction that only reads; ``Unavailable`` for any error, and at once while the replica rests."""
        if time.monotonic() < self._rests_until:
            raise Unavailable(self.name)
        try:
            async with super().transaction() as connection:
                yield connection
        except Unavailable:
            self._rests_until = time.monotonic() + REPLICA_REST_SECONDS
            raise


class Cache:
    """Redis. The service works without it: its callers catch ``Unavailable``."""

    critical = False

    def __init__(self, name: str, settings: config.Redis) -> None:
        self.name = name
        self._client = Redis(
            host=settings.host,
            port=settings.port,
            username=settings.user,
            password=settings.password.get_secret_value(),
            socket_timeout=REDIS_TIMEOUT_SECONDS,
            socket_connect_timeout=REDIS_TIMEOUT_SECONDS,
            retry=Retry(NoBackoff(), 0),  # the default retries make one second into fifteen
        )

    async def run(self, *command: str | bytes | int) -> Any:
        """The answer to a command of Redis; ``Unavailable`` for any error."""
        with waiting_for(self.name, (Exception,)):  # after a reset the driver may raise TypeError or RuntimeError
            return await self._client.execute_command(*command)  # type: ignore[no-untyped-call]

    async def ping(self) -> None:
        """Ask for PONG."""
        await self.run("PING")

    async def close(self) -> None:
        """Close the pool."""
        await self._client.aclose()


Dependency = Database | Cache


class Dependencies:
    """All dependencies of the ``settings``; iterate to treat them alike."""

    def __init__(self, settings: config.Config) -> None:
        self.master_db = Database("master-db", settings.master_db)
        self.replica_db = Replica("replica-db", settings.replica_db)
        self.redis = Cache("redis", settings.redis)
        for dependency in self:
            dependency.critical = dependency.name in settings.health.critical.split(",")
            UP.labels(dependency.name).set(float("nan"))

    def __iter__(self) -> Iterator[Dependency]:
        return iter((self.master_db, self.replica_db, self.redis))

    async def close(self) -> None:
        """Close each, all at once; one that does not let go in time is left to the end of the process."""
        with suppress(TimeoutError):
            async with asyncio.timeout(CLOSE_TIMEOUT_SECONDS):
                await asyncio.gather(*(dependency.close() for dependency in self), return_exceptions=True)


@asynccontextmanager
async def lifespan(app: Starlette) -> AsyncIterator[None]:
    """Serve, and close the dependencies at the end."""
    yield
    await app.state.dependencies.close()
