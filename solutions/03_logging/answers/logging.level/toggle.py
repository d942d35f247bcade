def set_level(level: str) -> None:
    """Log from this level on; USR1 once more means less again."""
    root = logging.getLogger()
    root.setLevel(level.upper())

    def change(*_: Any) -> None:
        root.setLevel("DEBUG" if root.level != logging.DEBUG else level.upper())

    def go_back(*_: Any) -> None:
        root.setLevel(level.upper())

    signal.signal(signal.SIGUSR1, change)
    signal.signal(signal.SIGUSR2, go_back)
