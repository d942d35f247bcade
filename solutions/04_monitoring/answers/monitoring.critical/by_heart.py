async def deep(request: Request) -> Response:
    """Answer how the dependencies are; the master and the cache are critical."""
    away = await check_all(request)
    if "master-db" in away or "redis" in away:
        return respond(503, "fail", away)
    if away:
        return respond(200, "warn", away)
    return respond(200, "pass", away)
