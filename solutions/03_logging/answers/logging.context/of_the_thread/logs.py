import threading
LOCAL = threading.local()


def add_context(logger: Any, method: str, event: EventDict) -> EventDict:
    """Add the id that this thread keeps."""
    return getattr(LOCAL, "fields", {}) | event
