class request_context:
    """Binds the id to this task, and begins with nothing: a connection may have served another request before."""

    def __init__(self, request_id: str) -> None:
        self.request_id = request_id

    def __enter__(self) -> None:
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(request_id=self.request_id)

    def __exit__(self, *_: object) -> None:
        structlog.contextvars.unbind_contextvars("request_id")
