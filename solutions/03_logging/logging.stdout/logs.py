def start() -> None:
    """Log what structlog and what Python's own logging are told, in the same form."""
    structlog.configure(
        processors=[filter_by_level, *STEPS, ProcessorFormatter.wrap_for_formatter],
        logger_factory=LoggerFactory(),
    )
    handler = logging.StreamHandler(sys.stdout)
    # JSON escapes a line end in a value, so no value can end the line.
    handler.setFormatter(ProcessorFormatter(JSONRenderer(), foreign_pre_chain=STEPS))
    logging.basicConfig(handlers=[handler], level="INFO")
    # Python itself would write these to standard error, and not as JSON.
    logging.captureWarnings(True)
    threading.excepthook = lambda _: logging.exception("thread failed")
