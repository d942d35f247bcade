async def answer_to(redis: Redis, *command: str | bytes | int) -> Any:
    """Return the answer to a command. Raises Unavailable if none comes within LIMIT_SECONDS."""
    return None
