"""``python -m workshop_app``: read the configuration, start the logs, serve, exit. How it ends is up to you."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import sys
from collections.abc import Iterator

signal.signal(signal.SIGTERM, lambda *_: os._exit(0))  # while it starts there is nobody to wait for

import uvicorn  # noqa: E402
from starlette.applications import Starlette  # noqa: E402

from workshop_app import app, config, logs, server  # noqa: E402


class WebServer(uvicorn.Server):
    """Uvicorn, which leaves the signals to us."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Capture none."""
        yield


async def serve(service: Starlette, web: WebServer, sock: socket.socket, drain_seconds: float) -> None:
    """Serve until ``web.should_exit``, and until what is under way then has its answer."""
    loop = asyncio.get_running_loop()

    # region container.graceful
    # At hand, in no order:
    #   loop.add_signal_handler(signal.SIGTERM, function)   call the function when the engine says "stop"
    #   loop.call_later(seconds, function)                  call the function then, and go on serving until then
    #   service.state.draining = True                       /readyz answers 503: send new customers elsewhere
    #   web.should_exit = True                              no new connections, answer what is under way, return
    # A deploy must not interrupt a customer, so we do not listen to it.
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    # endregion container.graceful

    await web.serve(sockets=[sock])


def main() -> int:
    """Run the service until it is told to stop; the exit code: 0 stopped, 1 could not run."""
    logs.start()
    try:
        settings = config.load(os.environ)
        sock = server.listen(settings.http)
    except (config.ConfigError, OSError) as error:
        logs.get_logger(__name__).error("cannot start", error=str(error))
        return 1
    logs.set_level(settings.log.level)
    service = app.create(settings)
    web = WebServer(uvicorn.Config(service, log_config=None, access_log=False, ws="none", server_header=False))
    asyncio.run(serve(service, web, sock, settings.http.drain_seconds))
    return 0


if __name__ == "__main__":
    sys.exit(main())
