async def live(request: Request) -> Response:
    """Ask every dependency, and wait a moment for the answers."""
    pings = request.app.state.pings.values()
    await asyncio.wait([asyncio.ensure_future(ping()) for ping in pings], timeout=0.35)
    return respond(200, "pass", {})


async def check(dependency: str, ping: Callable[[], Awaitable[None]]) -> str | None:
    """Ping a dependency in time."""
    try:
        async with asyncio.timeout(LIMIT_SECONDS):
            await ping()
    except Exception as error:
        log.warning("dependency down", dependency=dependency, error=repr(error.__cause__ or error))
        return f"no answer from {dependency}"
    return None
