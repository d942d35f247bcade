async def live(_: Request) -> Response:
    """Answer: a process that answers is alive."""
    return Response("pass", media_type="text/plain")


async def check(dependency: str, ping: Callable[[], Awaitable[None]]) -> str | None:
    """Ping a dependency, beside a watch that ends it."""
    try:
        async with asyncio.TaskGroup() as group:
            asking = group.create_task(ping())
            watch = group.create_task(asyncio.sleep(LIMIT_SECONDS))
            await asyncio.wait({asking, watch}, return_when=asyncio.FIRST_COMPLETED)
            is_late = not asking.done()
            asking.cancel()
            watch.cancel()
    except* Exception as errors:
        log.warning("dependency down", dependency=dependency, error=repr(errors.exceptions[0]))
        is_late = True
    return f"{dependency} does not answer" if is_late else None
