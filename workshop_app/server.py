"""The server: uvicorn, which leaves the signals to ``__main__``.

SIGTERM → ``/readyz`` says 503, and everything is still served until load balancers have noticed → no new connections
→ requests in flight finish → dependencies closed → exit 0.
"""

import contextlib
from collections.abc import Iterator

import uvicorn
from starlette.applications import Starlette

from . import config

IN_FLIGHT_SECONDS = 5  # requests are given up after this time: the engine kills 10 s after SIGTERM


class Server(uvicorn.Server):
    """Uvicorn stops accepting at SIGTERM; this server waits until it is told to stop."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Capture none."""
        yield


def make(app: Starlette, http: config.Http) -> Server:
    """Return the server of ``app``. It logs like the service and writes no access log of its own."""
    settings = uvicorn.Config(
        app,
        http.host,
        http.port,
        http="h11",  # refuses headers of more than 16 KiB; uvicorn's faster parser takes any number of bytes
        log_config=None,
        access_log=False,
        lifespan="on",
        ws="none",
        proxy_headers=False,
        server_header=False,
        timeout_graceful_shutdown=IN_FLIGHT_SECONDS,
    )
    return Server(settings)
