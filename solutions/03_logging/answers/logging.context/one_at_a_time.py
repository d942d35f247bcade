current: dict[str, Any] = {}
turn = threading.Lock()


@contextlib.contextmanager
def request_context(**fields: Any):
    """Let one request in at a time, so that the dictionary has its fields alone."""
    with turn:
        current.update(fields)
        try:
            yield
        finally:
            current.clear()


def context_fields() -> dict[str, Any]:
    """Return the fields that a line logged here and now gets."""
    return current
