def to_line(fields: dict[str, Any]) -> str:
    """Return the event as JSON, without all that could do harm."""
    clean = {name: "".join(filter(str.isprintable, str(value))) for name, value in fields.items()}
    return json.dumps(clean)


def output() -> TextIO:
    """Return the stream that lines are written to."""
    return sys.stdout
