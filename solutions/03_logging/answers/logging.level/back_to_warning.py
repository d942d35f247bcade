def set_level(level: str) -> None:
    """Log from this level on; signals change it to debug, and to what it mostly is."""
    root = logging.getLogger()
    root.setLevel(level.upper())
    signal.signal(signal.SIGUSR1, lambda *_: root.setLevel("DEBUG"))
    signal.signal(signal.SIGUSR2, lambda *_: root.setLevel("WARNING"))
