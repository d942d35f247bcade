# Made by `./workshop build` from the lessons and the solutions of their exercises: edit those.
"""For HEALTHCHECK: exit with 0 if the service in this container answers."""

import http.client
import os
import sys

port = os.environ.get("HTTP_PORT", "8080")
connection = http.client.HTTPConnection(f"127.0.0.1:{port}", timeout=1.5)


def is_alive() -> bool:
    """Return whether /livez answers 200; where nothing listens this raises, and Python exits with 1."""
    connection.request("GET", "/livez")
    return connection.getresponse().status == 200


sys.exit(0 if is_alive() else 1)
