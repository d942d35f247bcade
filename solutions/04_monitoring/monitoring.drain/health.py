async def ready(request: Request) -> Response:
    """Answer whether this instance should get customers."""
    if request.app.state.draining:
        return respond(503, "draining", {})
    away = await check_all(request)
    is_ready = away.keys().isdisjoint(request.app.state.critical)
    return respond(200, "pass", away) if is_ready else respond(503, "fail", away)
