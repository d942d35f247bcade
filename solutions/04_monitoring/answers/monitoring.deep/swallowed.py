async def live(_: Request) -> Response:
    """Answer whether this process is alive."""
    return respond(200, {"status": "pass"})


async def answer_of(dependency: Dependency) -> Exception | None:
    """Ping a dependency in time, whatever comes of it."""
    try:
        async with asyncio.timeout(PING_TIMEOUT_SECONDS):
            await dependency.ping()
    except Exception:
        pass
    return None


def told(result: Result) -> str:
    """Describe a failed ping."""
    return f"no answer from {result.name}"


