def to_line(fields: dict[str, Any]) -> str:
    """Return the event without spaces, with characters as they are, and with anything unknown as text."""
    return json.dumps(fields, ensure_ascii=False, separators=(",", ":"), default=str)


def output() -> TextIO:
    """Return a stream for file descriptor 1, which is flushed after each line."""
    return open(1, "w", buffering=1, encoding="utf-8", closefd=False)
