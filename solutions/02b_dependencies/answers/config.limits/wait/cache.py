async def answer_to(redis: Redis, *command: str | bytes | int) -> Any:
    """Return the answer to a command. Raises Unavailable if none comes within LIMIT_SECONDS."""
    asking = asyncio.ensure_future(redis.execute_command(*command))
    done, _ = await asyncio.wait({asking}, timeout=LIMIT_SECONDS)
    if not done:
        asking.cancel()
        raise Unavailable("redis")
    try:
        return asking.result()
    except Exception as error:
        raise Unavailable("redis") from error
