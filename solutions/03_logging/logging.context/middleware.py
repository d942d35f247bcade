def request_context(request_id: str) -> contextlib.AbstractContextManager[None]:
    """Add the id to every line that is logged in the block: each task has its own."""
    return structlog.contextvars.bound_contextvars(request_id=request_id)
