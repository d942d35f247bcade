@contextlib.contextmanager
def request_context(request_id: str):
    """Keep the id for this thread."""
    logs.LOCAL.fields = {"request_id": request_id}
    try:
        yield
    finally:
        logs.LOCAL.fields = {}
