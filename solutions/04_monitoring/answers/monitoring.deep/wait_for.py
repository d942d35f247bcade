async def live(_: Request) -> Response:
    """Answer: a process that answers is alive."""
    return JSONResponse({"status": "pass"}, headers={"Cache-Control": "no-store"})


async def check(dependency: str, ping: Callable[[], Awaitable[None]]) -> str | None:
    """Ping a dependency in time."""
    try:
        await asyncio.wait_for(ping(), LIMIT_SECONDS)
    except TimeoutError:
        return "it does not answer in time"
    except Exception:
        return "it cannot be asked"
    return None
