async def answer_to(redis: Redis, *command: str | bytes | int) -> Any:
    """Return the answer to a command. Raises Unavailable if none comes within LIMIT_SECONDS."""
    try:
        async with asyncio.timeout(LIMIT_SECONDS):
            return await redis.execute_command(*command)
    except (RedisError, OSError):
        return None
