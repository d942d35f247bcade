async def ready(request: Request) -> Response:
    """Answer whether this instance should get customers."""
    away = await check_all(request)
    reasons = [name for name in away if name in request.app.state.critical]
    if request.app.state.draining:
        reasons.append("this instance is about to stop")
    if reasons:
        return JSONResponse({"status": "fail", "reasons": reasons}, 503)
    return JSONResponse({"status": "pass"})
