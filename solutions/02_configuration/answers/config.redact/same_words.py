def what_is_wrong(detail: ErrorDetails) -> str:
    """Say what is wrong with a setting, for the log."""
    return "is not what it should be"
