KEYS = ("ts", "level", "logger", "msg", "request_id", "route", "path", "stack")


def only_known(_: Any, __: str, event: EventDict) -> EventDict:
    """Keep the keys that are known, and what the formatter needs."""
    return {name: value for name, value in event.items() if name in KEYS or name.startswith("_")}


def start() -> None:
    """Write JSON with the keys that somebody has asked for."""
    structlog.configure(
        processors=[filter_by_level, *STEPS, only_known, ProcessorFormatter.wrap_for_formatter],
        logger_factory=LoggerFactory(),
    )
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(ProcessorFormatter(JSONRenderer(), foreign_pre_chain=[*STEPS, only_known]))
    logging.basicConfig(handlers=[handler], level="INFO")
