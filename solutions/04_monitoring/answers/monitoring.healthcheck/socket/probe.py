import socket


def is_alive() -> bool:
    """Return whether the service answers with 200."""
    with socket.create_connection(("127.0.0.1", int(port)), timeout=1) as service:
        service.sendall(b"GET /livez HTTP/1.0\r\n\r\n")
        return b" 200 " in service.makefile("rb").readline()
