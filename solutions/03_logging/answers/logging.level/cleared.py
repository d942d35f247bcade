known: dict[str, bool] = {}


def set_level(level: str) -> None:
    """Log ``level`` and above, and forget what was decided before."""
    ROOT.setLevel(level.upper())
    known.clear()


def is_worth_a_line(level: str) -> bool:
    """Return whether lines of ``level`` are logged."""
    return known.setdefault(level, NUMBERS[level] >= ROOT.level)
