def start() -> None:
    """Give the root logger a handler, and those of the service another one."""
    structlog.configure(
        processors=[filter_by_level, *STEPS, ProcessorFormatter.wrap_for_formatter],
        logger_factory=LoggerFactory(),
    )
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(ProcessorFormatter(JSONRenderer(), foreign_pre_chain=STEPS))
    logging.basicConfig(handlers=[handler], level="INFO")
    logging.getLogger("middleware").addHandler(handler)
