"""Serving, and above all stopping: after SIGTERM nobody who asked is left without an answer.

SIGTERM → ``/readyz`` says 503, but everything is still served until load balancers have noticed → no new connections
→ requests in flight finish → dependencies closed → exit 0.
"""

from __future__ import annotations

import socket
import time
from types import FrameType

import uvicorn
from starlette.applications import Starlette

from workshop_app import config, logs
from workshop_app.whole_answers import WholeAnswers

BACKLOG = 512
STOP_SECONDS = 8.0  # drain and requests in flight together; after 10 s an engine kills, and closing takes time, too
IN_FLIGHT_SECONDS = 5.0  # at most; what has not ended by then is given up

LISTENING = "listening"
DRAINING = "draining"

log = logs.get_logger(__name__)


def listen(http: config.Http) -> socket.socket:
    """A socket that takes connections at once, even before anybody answers them; ``OSError`` if it cannot be had."""
    family = socket.AF_INET6 if ":" in http.host else socket.AF_INET
    return socket.create_server((http.host, http.port), family=family, backlog=BACKLOG)


def serve(app: Starlette, sock: socket.socket, drain_seconds: float) -> None:
    """Serve until SIGTERM or SIGINT, then return once all is answered."""
    settings = uvicorn.Config(
        app,
        log_config=None,  # its lines go where ours go
        access_log=False,  # RequestLine writes a better one
        lifespan="on",
        loop="uvloop",
        http=WholeAnswers,
        ws="none",
        proxy_headers=False,  # nobody asks where a request came from
        server_header=False,
        timeout_graceful_shutdown=min(IN_FLIGHT_SECONDS, STOP_SECONDS - drain_seconds),  # type: ignore[arg-type]
    )
    host, port = sock.getsockname()[:2]
    log.info(LISTENING, host=host, port=port)
    DrainingServer(settings, app, drain_seconds).run(sockets=[sock])


class DrainingServer(uvicorn.Server):
    """Uvicorn hangs up on SIGTERM at once; this one says "not ready" first, and serves on for a while."""

    def __init__(self, settings: uvicorn.Config, app: Starlette, drain_seconds: float) -> None:
        super().__init__(settings)
        self._app = app
        self._drain_seconds = drain_seconds
        self._signals = 0
        self._stop_at: float | None = None

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:  # noqa: ARG002
        """Only count: a signal interrupts anything, a half-written log line too. Uvicorn would end with code 143."""
        self._signals += 1

    async def on_tick(self, counter: int) -> bool:
        """Called ten times a second: the first signal starts the drain, time or a second signal ends it."""
        now = time.monotonic()
        if self._signals and self._stop_at is None:
            self._app.state.draining = True
            self._stop_at = now + self._drain_seconds
            log.info(DRAINING, seconds=self._drain_seconds)
        if self._stop_at is not None and (self._signals > 1 or now >= self._stop_at):
            self.should_exit = True
        return await super().on_tick(counter)
