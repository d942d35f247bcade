async def deep(request: Request) -> Response:
    """Answer how the dependencies are, by the first one that is away."""
    away = await check_all(request)
    for name in away:
        if name in request.app.state.critical:
            return respond(503, "fail", away)
        return respond(200, "warn", away)
    return respond(200, "pass", away)
