"""What the drivers of the service say when something is away, made by the drivers themselves, has a sentence."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable, Iterator
from contextlib import closing
from pathlib import Path

import asyncmy
import pytest
from redis.asyncio import Redis
from sqlalchemy import create_engine
from sqlalchemy.pool import QueuePool

from workshop_room.desk.error_sentences import SENTENCES, sentence_for

SILENT = "No answer came within the time limit."


@pytest.fixture
def closed_port() -> int:
    """A port of this machine on which nothing listens."""
    with closing(socket.socket()) as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


@pytest.fixture
def silent_port() -> Iterator[int]:
    """A port that takes connections and says nothing."""
    with closing(socket.socket()) as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield int(listener.getsockname()[1])


def error_of(work: Callable[[], Awaitable[object]]) -> str:
    """The error of a coroutine as the service logs it."""

    async def run() -> str:
        try:
            await work()
        except Exception as error:  # each driver has its own
            return repr(error)
        return ""

    return asyncio.run(run())


def redis(port: int, host: str = "127.0.0.1") -> Redis:
    """A client as the service has it."""
    return Redis(host=host, port=port, retry=None, socket_timeout=0.2)  # type: ignore[arg-type]


def test_a_pool_without_a_free_connection(tmp_path: Path) -> None:
    """SQLAlchemy's own text."""
    engine = create_engine(
        f"sqlite:///{tmp_path}/shop.db", poolclass=QueuePool, pool_size=1, max_overflow=0, pool_timeout=0.1
    )
    with engine.connect(), pytest.raises(Exception, match="QueuePool limit of size") as caught:
        engine.connect()
    assert sentence_for(repr(caught.value)).startswith("All connections to the database are in use")


def test_a_database_that_is_away(closed_port: int) -> None:
    """One that refuses, and a name that nobody has."""
    refused = error_of(lambda: asyncmy.connect(host="127.0.0.1", port=closed_port))
    unknown = error_of(lambda: asyncmy.connect(host="none.invalid", port=closed_port))
    assert sentence_for(refused) == "Nothing listens there: the connection was refused at once."
    assert sentence_for(unknown) == "No running server has this name."


def test_a_cache_that_is_away(closed_port: int, silent_port: int) -> None:
    """The client's errors tell a silence from the rest, and no more than that."""
    assert sentence_for(error_of(lambda: redis(closed_port).ping())).startswith("No connection to Redis")
    assert sentence_for(error_of(lambda: redis(silent_port).ping())) == SILENT


def test_a_limit_in_time() -> None:
    """The service's own, around each statement and command."""

    async def wait() -> None:
        async with asyncio.timeout(0.05):
            await asyncio.sleep(5)

    assert sentence_for(error_of(wait)) == SILENT


def test_other_lines_have_no_sentence() -> None:
    """A request that went well, and one that was refused for its content."""
    assert sentence_for('{"msg": "request", "status": 201, "duration_ms": 4.2, "request_id": "111"}') == ""
    assert sentence_for('{"msg": "request", "status": 404, "error": "There is no order 113."}') == ""


def test_sentences_are_short() -> None:
    """They stand on a projector, below a line of the log."""
    assert max(len(sentence) for _, sentence in SENTENCES) < 90
