def set_level(level: str) -> None:
    """Log from this level on. The signal USR1 changes it to debug while the service runs, USR2 back."""
    root = logging.getLogger()
    root.setLevel(level.upper())
    signal.signal(signal.SIGUSR1, lambda *_: root.setLevel("DEBUG"))
    signal.signal(signal.SIGUSR2, lambda *_: root.setLevel(level.upper()))
