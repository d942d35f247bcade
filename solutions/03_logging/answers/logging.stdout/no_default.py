import json


def start() -> None:
    """Write JSON by Python's own module, which knows no time and no path."""
    structlog.configure(
        processors=[filter_by_level, *STEPS, ProcessorFormatter.wrap_for_formatter],
        logger_factory=LoggerFactory(),
    )
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(ProcessorFormatter(lambda _, __, event: json.dumps(event), foreign_pre_chain=STEPS))
    logging.basicConfig(handlers=[handler], level="INFO")
