async def live(request: Request) -> Response:
    """Answer: a process that answers is alive."""
    del request
    return JSONResponse({"status": "pass"}, headers={"Cache-Control": "no-store"})


async def answer_of(dependency: Dependency) -> Exception | None:
    """Ping a dependency; what went wrong, or None."""
    ping = asyncio.ensure_future(dependency.ping())
    try:
        await asyncio.wait_for(ping, PING_TIMEOUT_SECONDS)
    except TimeoutError:
        return TimeoutError("no answer in time")
    except Exception as error:
        return error
    return None


def told(result: Result) -> str:
    """Describe a failed ping without the words of its driver."""
    return f"{result.name} is not available"


