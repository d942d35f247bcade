async def live(_: Request) -> Response:
    """Answer whether this process is alive."""
    return respond(200, "pass", {})


async def check(dependency: str, ping: Callable[[], Awaitable[None]]) -> str | None:
    """Ping a dependency; after the limit nobody waits for the ping any more, and it goes on."""
    asking = asyncio.ensure_future(ping())
    await asyncio.wait({asking}, timeout=LIMIT_SECONDS)
    if not asking.done() or asking.exception() is not None:
        return f"no answer from {dependency}"
    return None


