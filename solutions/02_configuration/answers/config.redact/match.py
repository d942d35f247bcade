def what_is_wrong(detail: ErrorDetails) -> str:
    """Say what is wrong with a setting, for the log."""
    match detail:
        case {"type": "missing"}:
            return "is missing"
        case {"msg": str(msg)}:
            return f"cannot be used ({msg})"
    return "cannot be used"
