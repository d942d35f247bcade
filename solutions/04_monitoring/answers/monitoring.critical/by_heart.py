async def deep(request: Request) -> Response:
    """Report every dependency; the master and the cache are critical."""
    report = await latest(request)
    if any(result.name in ("master-db", "redis") for result in report.away):
        return respond(503, body_of(report, "fail"))
    if report.away:
        return respond(200, body_of(report, "warn"))
    return respond(200, body_of(report, "pass"))


