LEVELS = logging.getLevelNamesMapping()


def set_level(level: str) -> None:
    """Log from this level on, until a signal says otherwise."""

    def more(number: int, frame: Any) -> None:
        logging.root.setLevel(logging.DEBUG)

    def back(number: int, frame: Any) -> None:
        logging.root.setLevel(LEVELS[level.upper()])

    back(signal.SIGUSR2, None)
    signal.signal(signal.SIGUSR1, more)
    signal.signal(signal.SIGUSR2, back)
