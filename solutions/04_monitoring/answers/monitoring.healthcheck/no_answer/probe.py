def is_alive() -> bool:
    """It asks, and goes without an answer."""
    connection.request("GET", "/livez")
    return True
