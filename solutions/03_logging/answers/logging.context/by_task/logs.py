import asyncio
IDS: dict[Any, str] = {}


def current_task() -> Any:
    """Return the task that runs now; None outside of all."""
    try:
        return asyncio.current_task()
    except RuntimeError:
        return None


def add_context(logger: Any, method: str, event: EventDict) -> EventDict:
    """Add the id that this very task began with, to lines that have none."""
    request_id = IDS.get(current_task())
    return event | {"request_id": request_id} if request_id else event
