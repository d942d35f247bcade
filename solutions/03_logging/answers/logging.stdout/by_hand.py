LIBRARIES = '{"ts": "%(asctime)sZ", "level": "info", "logger": "%(name)s", "msg": "%(message)s"}'


def start() -> None:
    """Write the service's events as JSON, and those of libraries between quotation marks."""
    structlog.configure(processors=[filter_by_level, *STEPS, JSONRenderer()], logger_factory=LoggerFactory())
    own = logging.StreamHandler(sys.stdout)
    own.addFilter(lambda record: record.getMessage().startswith("{"))
    libraries = logging.StreamHandler(sys.stdout)
    libraries.addFilter(lambda record: not record.getMessage().startswith("{"))
    libraries.setFormatter(logging.Formatter(LIBRARIES, datefmt="%Y-%m-%dT%H:%M:%S"))
    logging.basicConfig(handlers=[own], level="INFO", format="%(message)s")
    logging.getLogger().addHandler(libraries)
