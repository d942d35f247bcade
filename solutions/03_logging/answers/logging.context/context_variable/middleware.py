@contextlib.contextmanager
def request_context(request_id: str):
    """Keep the id for this task until the end of the block."""
    token = logs.REQUEST_ID.set(request_id)
    try:
        yield
    finally:
        logs.REQUEST_ID.reset(token)
