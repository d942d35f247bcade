async def live(request: Request) -> Response:
    """Answer whether this process is alive: an orchestrator restarts it if not."""
    return respond(200, "pass", {})


async def check(dependency: str, ping: Callable[[], Awaitable[None]]) -> str | None:
    """Ping a dependency. Return what is wrong, in words that anybody may read; None if it answered."""
    try:
        async with asyncio.timeout(LIMIT_SECONDS):
            await ping()
    except Exception as error:  # each driver has its own
        log.warning("dependency down", dependency=dependency, error=repr(error.__cause__ or error))
        return f"no answer from {dependency}"
    return None
