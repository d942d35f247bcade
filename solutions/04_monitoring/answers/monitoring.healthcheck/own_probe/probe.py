import urllib.request


def is_alive() -> bool:
    """Return whether the service answers."""
    try:
        urllib.request.urlopen(f"http://127.0.0.1:{port}/livez", timeout=1)
    except OSError:
        return False
    return True
