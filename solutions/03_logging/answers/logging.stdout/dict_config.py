import logging.config
FORMATTER = {
    "()": ProcessorFormatter,
    "processors": [
        ProcessorFormatter.remove_processors_meta,
        JSONRenderer(ensure_ascii=False, separators=(",", ":")),
    ],
    "foreign_pre_chain": STEPS,
}


def start() -> None:
    """Configure Python's logging by a dictionary, and let structlog's own class of loggers hand its events over."""
    logging.config.dictConfig(
        {
            "version": 1,
            "disable_existing_loggers": False,
            "formatters": {"json": FORMATTER},
            "handlers": {"out": {"class": "logging.StreamHandler", "stream": "ext://sys.stdout", "formatter": "json"}},
            "root": {"handlers": ["out"], "level": "INFO"},
        }
    )
    structlog.configure(
        processors=[filter_by_level, *STEPS, ProcessorFormatter.wrap_for_formatter],
        logger_factory=LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
