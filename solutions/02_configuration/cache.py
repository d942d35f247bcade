"""Redis as a cache: it may be away, and the service goes on."""

import asyncio
from typing import Any

#: from 03
import structlog
#: always
from redis.asyncio import Redis
from redis.exceptions import RedisError

#: from 03:2
import logs
#: always
from config import RedisSettings
from database import Unavailable

LIMIT_SECONDS = 0.2  # after this time the database is faster
#: from 03

log = structlog.get_logger(__name__)
#: always


def connect(settings: RedisSettings) -> Redis:
    """Return a client. It connects when it is first used."""
    return Redis(
        host=settings.host,
        port=settings.port,
        username=settings.user,
        password=settings.password.get_secret_value(),
        retry=None,  # by default it tries for seconds, and a wrong password looks like no answer
    )


async def ask(redis: Redis, *command: str | bytes | int) -> Any:
    """Return the answer to a command, such as ask(redis, "GET", "order:7"); None if Redis is away."""
    try:
        #: until 03:2
        #| return await answer_to(redis, *command)
        #: from 03:2
        with logs.waiting_for("redis"):
            return await answer_to(redis, *command)
    #: until 03
    #| except Unavailable:
    #: from 03
    except Unavailable as error:
        log.warning("cache not available", error=repr(error.__cause__))
        #: always
        return None


# region config.limits
async def answer_to(redis: Redis, *command: str | bytes | int) -> Any:
    """Return the answer to a command. Raises Unavailable if none comes within LIMIT_SECONDS."""
    #: only the solution
    try:
        async with asyncio.timeout(LIMIT_SECONDS):
            return await redis.execute_command(*command)
    except (RedisError, OSError) as error:  # TimeoutError is an OSError
        raise Unavailable("redis") from error
    #: only the starter
    #| return await redis.execute_command(*command)
    #: both


# endregion config.limits
