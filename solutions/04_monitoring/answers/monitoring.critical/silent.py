async def deep(request: Request) -> Response:
    """Answer how the critical dependencies are; nobody has to hear of the others."""
    away = await check_all(request)
    if away.keys() & request.app.state.critical:
        return respond(503, "fail", away)
    return respond(200, "pass", away)
