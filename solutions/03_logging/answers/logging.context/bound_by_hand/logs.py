def add_context(logger: Any, method: str, event: EventDict) -> EventDict:
    """Add what is bound to this task."""
    return {**structlog.contextvars.get_contextvars(), **event}
