"""What HEALTHCHECK runs: exits 0 if the service in this container is alive, else 1.

A program of its own, not part of the service. It is started every few seconds, so it is run as
``python -I -S probe.py`` and imports next to nothing: ``_socket`` alone saves most of the time that ``socket`` or
``http.client`` take to load.
"""

import _socket
import os
import sys

TIMEOUT_SECONDS = 1.5
REQUEST = b"GET /livez HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
ANY_ADDRESS = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104


def is_alive(host: str, port: int) -> bool:
    """Does ``/livez`` answer 200?"""
    family = _socket.AF_INET6 if ":" in host else _socket.AF_INET
    connection = _socket.socket(family, _socket.SOCK_STREAM)
    connection.settimeout(TIMEOUT_SECONDS)
    try:
        connection.connect((host, port))
        connection.send(REQUEST)
        return connection.recv(16).startswith(b"HTTP/1.1 200")
    except OSError:
        return False
    finally:
        connection.close()


if __name__ == "__main__":
    host = os.environ.get("HTTP_HOST", "0.0.0.0")  # noqa: S104
    port = int(os.environ.get("HTTP_PORT", "8080"))
    alive = is_alive(ANY_ADDRESS.get(host, host), port)
    sys.stdout.write("alive\n" if alive else f"no good answer from /livez on port {port}\n")
    sys.exit(0 if alive else 1)
