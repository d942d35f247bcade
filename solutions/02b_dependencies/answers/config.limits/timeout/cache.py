async def answer_to(redis: Redis, *command: str | bytes | int) -> Any:
    """Return the answer to a command. Raises Unavailable if none comes within LIMIT_SECONDS."""
    try:
        async with asyncio.timeout(LIMIT_SECONDS):
            answer = await redis.execute_command(*command)
    except TimeoutError as late:
        raise Unavailable("redis") from late
    except (RedisError, OSError) as error:
        raise Unavailable("redis") from error
    return answer
