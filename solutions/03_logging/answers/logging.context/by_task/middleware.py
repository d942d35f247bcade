@contextlib.contextmanager
def request_context(request_id: str):
    """Note the id for this task."""
    task = logs.current_task()
    logs.IDS[task] = request_id
    try:
        yield
    finally:
        del logs.IDS[task]
