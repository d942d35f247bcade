def what_is_wrong(detail: ErrorDetails) -> str:
    """Say what is wrong with a setting, for the log."""
    words = {"missing": "is not set", "int_parsing": "is no number"}
    return words.get(detail["type"], "cannot be used")
