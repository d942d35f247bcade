# Made by `./workshop build` from the lessons and the solutions of their exercises: edit those.
"""Redis as a cache: it may be away, and the service goes on."""

import asyncio
from typing import Any

import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError

import logs
from config import RedisSettings
from database import Unavailable

LIMIT_SECONDS = 0.2  # after this time the database is faster
log = structlog.get_logger(__name__)


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
        with logs.waiting_for("redis"):
            return await answer_to(redis, *command)
    except Unavailable as error:
        log.warning("cache not available", error=repr(error.__cause__))
        return None


async def answer_to(redis: Redis, *command: str | bytes | int) -> Any:
    """Return the answer to a command. Raises Unavailable if none comes within LIMIT_SECONDS."""
    try:
        async with asyncio.timeout(LIMIT_SECONDS):
            return await redis.execute_command(*command)
    except (RedisError, OSError) as error:  # TimeoutError is an OSError
        raise Unavailable("redis") from error
