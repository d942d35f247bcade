def what_is_wrong(detail: ErrorDetails) -> str:
    """Say what is wrong with a setting, for the log."""
    if "port" in detail["loc"]:
        return detail["msg"]
    return f"{detail['input']}: {detail['msg']}"
