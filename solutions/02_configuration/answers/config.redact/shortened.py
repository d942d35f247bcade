def what_is_wrong(detail: ErrorDetails) -> str:
    """Say what is wrong with a setting, for the log."""
    return f"{str(detail['input'])[:8]}…: {detail['msg']}"
