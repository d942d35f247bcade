async def ready(request: Request) -> Response:
    """Refuse at any time, also after SIGTERM."""
    return respond(503, "draining", {})
