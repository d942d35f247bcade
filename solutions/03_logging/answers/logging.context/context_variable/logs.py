from contextvars import ContextVar
REQUEST_ID: ContextVar[str] = ContextVar("request_id")


def add_context(logger: Any, method: str, event: EventDict) -> EventDict:
    """Add the id of the request that this task serves."""
    request_id = REQUEST_ID.get("")
    if request_id:
        event["request_id"] = request_id
    return event
