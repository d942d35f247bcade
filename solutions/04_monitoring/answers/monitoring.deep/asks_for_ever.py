async def live(_: Request) -> Response:
    """Answer whether this process is alive."""
    return respond(200, "pass", {})


async def until_answered(ping: Callable[[], Awaitable[None]]) -> None:
    """Ping again and again, also when nobody waits for it any more."""
    while True:
        try:
            await ping()
            return
        except Exception:
            await asyncio.sleep(0.05)


async def check(dependency: str, ping: Callable[[], Awaitable[None]]) -> str | None:
    """Ping a dependency until it answers; the request waits for a limit."""
    asking = asyncio.ensure_future(until_answered(ping))
    await asyncio.wait({asking}, timeout=LIMIT_SECONDS)
    if not asking.done():
        return f"no answer from {dependency}"
    return None
