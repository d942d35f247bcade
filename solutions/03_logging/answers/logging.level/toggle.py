def set_level(level: str) -> None:
    """Log from this level on; each signal changes it."""
    root = logging.getLogger()
    root.setLevel(level.upper())

    def change(*_: Any) -> None:
        root.setLevel("DEBUG" if root.level != logging.DEBUG else level.upper())

    signal.signal(signal.SIGUSR1, change)
    signal.signal(signal.SIGUSR2, change)
