def set_level(level: str) -> None:
    """Log ``level`` and above. Python's root logger keeps the level, so that it holds for libraries, too."""
    ROOT.setLevel(level.upper())


def is_worth_a_line(level: str) -> bool:
    """Ask the root logger, which forgets its answers when its level is set."""
    return ROOT.isEnabledFor(NUMBERS[level])
