async def deep(request: Request) -> Response:
    """Answer how the dependencies are; call a person whatever is away."""
    away = await check_all(request)
    if away:
        return respond(503, "fail", away)
    return respond(200, "pass", away)
