import threading
TURN = threading.Lock()


@contextlib.contextmanager
def request_context(request_id: str):
    """Let one request in at a time, so that the dictionary has its id alone."""
    with TURN:
        logs.CURRENT["request_id"] = request_id
        try:
            yield
        finally:
            logs.CURRENT.clear()
