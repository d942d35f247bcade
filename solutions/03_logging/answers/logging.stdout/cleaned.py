import json


def to_line(_: Any, __: str, event: EventDict) -> str:
    """Return an event as JSON, without all that could do harm."""
    clean = {name: "".join(filter(str.isprintable, str(value))) for name, value in event.items()}
    return json.dumps(clean)


def start() -> None:
    """Write JSON of texts that are harmless."""
    structlog.configure(
        processors=[filter_by_level, *STEPS, ProcessorFormatter.wrap_for_formatter],
        logger_factory=LoggerFactory(),
    )
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(ProcessorFormatter(to_line, foreign_pre_chain=STEPS))
    logging.basicConfig(handlers=[handler], level="INFO")
