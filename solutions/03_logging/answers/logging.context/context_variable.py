import contextvars

CURRENT: contextvars.ContextVar[dict[str, Any]] = contextvars.ContextVar("current")


@contextlib.contextmanager
def request_context(**fields: Any):
    """Add ``fields`` to every line logged inside the ``with`` block."""
    token = CURRENT.set({**CURRENT.get({}), **fields})
    try:
        yield
    finally:
        CURRENT.reset(token)


def context_fields() -> dict[str, Any]:
    """Return the fields that a line logged here and now gets."""
    return CURRENT.get({})
