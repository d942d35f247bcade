def set_level(level: str) -> None:
    """Let loggers log all, and disable what is below the level."""
    below = logging.getLevelNamesMapping()[level.upper()] - 1
    logging.getLogger().setLevel("DEBUG")
    logging.disable(below)
    signal.signal(signal.SIGUSR1, lambda number, frame: logging.disable(logging.NOTSET))
    signal.signal(signal.SIGUSR2, lambda number, frame: logging.disable(below))
