def what_is_wrong(detail: ErrorDetails) -> str:
    """Say what is wrong with a setting, for the log."""
    value = detail["input"]
    shown = "***" if isinstance(value, str) else value
    return f"{shown}: {detail['msg']}"
