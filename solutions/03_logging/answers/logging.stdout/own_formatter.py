import json
from datetime import UTC, datetime


class JsonFormatter(logging.Formatter):
    """Writes a record as one JSON object, with the fields of an event if it has some."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        event = {
            "ts": datetime.fromtimestamp(record.created, UTC).isoformat(),
            "level": record.levelname.lower(),
            "logger": record.name,
            "caller": f"{record.filename}:{record.lineno}",
            "msg": record.getMessage(),
        }
        event |= getattr(record, "fields", {})
        if record.exc_info:
            event["stack"] = self.formatException(record.exc_info)
        return json.dumps(add_context(None, "", event), default=str)


def to_record(_: Any, __: str, event: EventDict) -> tuple[tuple[str], dict[str, Any]]:
    """Return the arguments for Python's own logger."""
    message = event.pop("event")
    exc_info = event.pop("exc_info", None)
    return (message,), {"exc_info": exc_info, "extra": {"fields": event}}


def start() -> None:
    """Let Python's own logging write all lines."""
    structlog.configure(processors=[filter_by_level, to_record], logger_factory=LoggerFactory())
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(JsonFormatter())
    root = logging.getLogger()
    root.addHandler(handler)
    root.setLevel("INFO")
