"""A parameter store of a test's own: the real image, hardened, with a random key, and gone at the end."""

from __future__ import annotations

import contextlib
import secrets
import socket
import threading
from collections.abc import Iterator

from workshop_kit.engine import containers
from workshop_kit.engine.aws import Access
from workshop_kit.engine.session import Session
from workshop_kit.engine.spec import Spec
from workshop_kit.engine.store import ADMINISTRATOR, Store

KEY_FILE = "/run/secrets/key"


@contextlib.contextmanager
def running_store(session: Session, image: str) -> Iterator[Store]:
    """Yield an empty store as its administrator."""
    key = secrets.token_urlsafe(24)
    spec = Spec(
        image=image,
        environment={"PARAMETER_STORE_KEY_FILE": KEY_FILE},
        files={KEY_FILE: key},
        volumes=("/run/secrets",),
        ports=(8080,),
    )
    with containers.run(session, spec) as running:
        running.wait_until(
            lambda: running.inspect()["State"]["Health"]["Status"] == "healthy", within_seconds=60, what="get healthy"
        )
        yield Store(Access(running.url(), key_id=ADMINISTRATOR, secret_key=key))


class Listener:
    """Writes down what arrives at a port of this machine, and hangs up."""

    def __init__(self) -> None:
        self.heard: list[bytes] = []
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._server.getsockname()[1]
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}"

    def _listen(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._server.accept()
                with connection, contextlib.suppress(OSError):
                    connection.settimeout(5)
                    self.heard.append(connection.recv(65536))
                    answer = b'{"Parameters": [], "InvalidParameters": []}'
                    head = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n"
                    connection.sendall(head % len(answer) + answer)

    def __enter__(self) -> Listener:
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(OSError):
            self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()
        self._thread.join(5)
