async def deep(request: Request) -> Response:
    """Report every dependency; call a person whatever is away."""
    report = await latest(request)
    if report.away:
        return respond(503, body_of(report, "fail"))
    return respond(200, body_of(report, "pass"))


