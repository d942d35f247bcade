async def deep(request: Request) -> Response:
    """Answer how the dependencies are, in a body of its own."""
    away = await check_all(request)
    word = "pass"
    for name in away:
        if name in request.app.state.critical:
            word = "fail"
            break
        word = "warn"
    dependencies = {}
    for name in request.app.state.pings:
        dependencies[name] = {"status": "down" if name in away else "up", "critical": name in request.app.state.critical}
    body = {"service": "my-service", "status": word, "dependencies": dependencies}
    return JSONResponse(body, 503 if word == "fail" else 200)
