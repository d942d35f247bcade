CURRENT: dict[str, Any] = {}


def add_context(logger: Any, method: str, event: EventDict) -> EventDict:
    """Add the id of the only request."""
    return CURRENT | event
