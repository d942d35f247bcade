def add_context(logger: Any, method: str, event: EventDict) -> EventDict:
    """Add to an event what belongs to the request that is being served."""
    return structlog.contextvars.merge_contextvars(logger, method, event)
