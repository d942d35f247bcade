def set_level(level: str) -> None:
    """Log ``level`` and above; a level with less detail than now is left out."""
    ROOT.setLevel(min(ROOT.level, NUMBERS[level]))


def is_worth_a_line(level: str) -> bool:
    """Return whether lines of ``level`` are logged."""
    return NUMBERS[level] >= ROOT.level
