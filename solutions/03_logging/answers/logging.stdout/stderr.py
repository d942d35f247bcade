def start() -> None:
    """Write JSON to the stream that a handler takes by itself."""
    structlog.configure(
        processors=[filter_by_level, *STEPS, ProcessorFormatter.wrap_for_formatter],
        logger_factory=LoggerFactory(),
    )
    handler = logging.StreamHandler()
    handler.setFormatter(ProcessorFormatter(JSONRenderer(), foreign_pre_chain=STEPS))
    logging.basicConfig(handlers=[handler], level="INFO")
