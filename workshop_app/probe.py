"""The program of HEALTHCHECK: exits 0 if the service in this container is alive, else 1."""

import http.client
import os
import sys

TIMEOUT_SECONDS = 1.5
HOSTS = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104


def is_alive(host: str, port: int) -> bool:
    """Return whether ``/livez`` answers 200."""
    connection = http.client.HTTPConnection(host, port, timeout=TIMEOUT_SECONDS)
    try:
        connection.request("GET", "/livez")
        return connection.getresponse().status == http.client.OK
    except (OSError, http.client.HTTPException):
        return False


if __name__ == "__main__":
    host, port = os.environ.get("HTTP_HOST", "0.0.0.0"), os.environ.get("HTTP_PORT", "8080")  # noqa: S104
    alive = is_alive(HOSTS.get(host, host), int(port))
    sys.stdout.write("alive\n" if alive else f"no good answer from /livez on port {port}\n")
    sys.exit(0 if alive else 1)
