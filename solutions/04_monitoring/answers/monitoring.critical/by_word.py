async def deep(request: Request) -> Response:
    """Report every dependency, and whether the service can work: 200 for pass and warn, 503 for fail."""
    report = await latest(request)
    word = "pass"
    for result in report.results:
        if result.error and result.critical:
            word = "fail"
            break
        if result.error:
            word = "warn"
    return respond(503 if word == "fail" else 200, body_of(report, word))


