local = threading.local()


@contextlib.contextmanager
def request_context(**fields: Any):
    """Keep the fields for this thread."""
    local.fields = fields
    try:
        yield
    finally:
        local.fields = {}


def context_fields() -> dict[str, Any]:
    """Return the fields of this thread."""
    return getattr(local, "fields", {})
