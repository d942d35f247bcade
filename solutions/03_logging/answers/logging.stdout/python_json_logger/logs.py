from pythonjsonlogger.json import JsonFormatter
NAMES = {"levelname": "level", "name": "logger", "message": "msg", "exc_info": "stack"}


def with_context(record: logging.LogRecord) -> bool:
    """Add the fields of the request that is being served."""
    vars(record).update(add_context(None, "", {}))
    return True


def start() -> None:
    """Let python-json-logger write all lines; structlog hands its events over as a message with more fields."""
    structlog.configure(
        processors=[filter_by_level, structlog.stdlib.render_to_log_kwargs],
        logger_factory=LoggerFactory(),
    )
    handler = logging.StreamHandler(sys.stdout)
    handler.addFilter(with_context)
    handler.setFormatter(JsonFormatter("%(levelname)s %(name)s %(message)s", rename_fields=NAMES, timestamp="ts"))
    logging.basicConfig(handlers=[handler], level="INFO")
