async def answer_to(redis: Redis, *command: str | bytes | int) -> Any:
    """Return the answer to a command. Raises Unavailable if none comes within LIMIT_SECONDS."""
    try:
        return await asyncio.wait_for(redis.execute_command(*command), timeout=LIMIT_SECONDS)
    except (RedisError, OSError) as error:
        raise Unavailable("redis") from error
