def is_alive() -> bool:
    """Return whether /livez answers 200; where nothing listens this raises, and Python exits with 1."""
    connection.request("GET", "/livez")
    return connection.getresponse().status == 200
