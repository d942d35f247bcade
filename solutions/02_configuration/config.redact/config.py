def what_is_wrong(detail: ErrorDetails) -> str:
    """Say what is wrong with a setting, for the log."""
    return detail["msg"]  # without detail["input"], which may be a password
