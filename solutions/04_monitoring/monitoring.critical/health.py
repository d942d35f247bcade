async def deep(request: Request) -> Response:
    """Answer how the dependencies are: 503 if a critical one is away."""
    away = await check_all(request)
    if away.keys() & request.app.state.critical:
        return respond(503, "fail", away)
    return respond(200, "warn" if away else "pass", away)
