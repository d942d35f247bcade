async def deep(request: Request) -> Response:
    """Answer how the dependencies are, as text for people."""
    away = set(await check_all(request))
    if not away:
        return Response("pass", media_type="text/plain")
    if away.isdisjoint(request.app.state.critical):
        return Response(f"warn: {', '.join(away)}", media_type="text/plain")
    return Response(f"fail: {', '.join(away)}", 503, media_type="text/plain")
