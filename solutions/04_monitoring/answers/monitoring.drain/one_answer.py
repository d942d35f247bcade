async def ready(request: Request) -> Response:
    """Answer whether this instance should get traffic."""
    report = await latest(request)
    missing = [result.name for result in report.away if result.critical]
    if getattr(request.app.state, "draining", False):
        missing.append("this instance, which is about to stop")
    if missing:
        return respond(503, {"status": "fail", "output": ", ".join(missing)})
    return respond(200, {"status": "pass"})


