async def answer_to(redis: Redis, *command: str | bytes | int) -> Any:
    """Return the answer to a command. Raises Unavailable if none comes within LIMIT_SECONDS."""
    asking = asyncio.gather(redis.execute_command(*command), return_exceptions=True)
    try:
        [answer] = await asyncio.wait_for(asking, LIMIT_SECONDS)
    except TimeoutError as error:
        raise Unavailable("redis") from error
    if isinstance(answer, Exception):
        raise Unavailable("redis") from answer
    return answer
