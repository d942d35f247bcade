async def live(_: Request) -> Response:
    """Answer whether this process is alive."""
    return respond(200, {"status": "pass"})


async def answer_of(dependency: Dependency) -> Exception | None:
    """Ask nobody: then nothing can hang."""
    return ConnectionError(dependency.name)


def told(result: Result) -> str:
    """Describe a failed ping."""
    return f"no answer from {result.name}"


