# Made by `./workshop build` from the lessons and the solutions of their exercises: edit those.
"""Start the service: first its log, then its settings, then the server."""

import signal
import sys

signal.signal(signal.SIGTERM, lambda *_: sys.exit())  # before the imports, which take a second

from threading import Timer
from typing import Any, NoReturn

import structlog
import uvicorn
from pydantic import ValidationError

import app
import config
import logs

log = structlog.get_logger(__name__)


def read_settings() -> config.Settings:
    """Return the settings, or refuse to start."""
    problems = config.misspelled()
    try:
        settings = config.Settings()
    except ValidationError as error:
        problems += config.problems(error)
    if problems:
        refuse(problems)
    return settings


def refuse(problems: list[str]) -> NoReturn:
    """Log everything that is wrong with the settings, and exit with 1."""
    log.error("configuration refused", problems=problems)
    sys.exit(1)


class Server(uvicorn.Server):
    """A server that goes on serving for a moment after SIGTERM, and says that it is not ready."""

    def handle_exit(self, *signal_and_frame: Any) -> None:
        """Begin to drain, and stop later: load balancers need a moment to notice."""
        state = self.config.app.state
        state.draining = True
        log.info("draining", seconds=state.drain_seconds)
        Timer(state.drain_seconds, super().handle_exit, signal_and_frame).start()


if __name__ == "__main__":
    logs.start()
    settings = read_settings()
    logs.set_level(settings.log_level)
    options = uvicorn.Config(
        app.create(settings),
        host="0.0.0.0",
        port=settings.http_port,
        log_config=None,  # the service's own log
        access_log=False,  # the middleware logs each request
        timeout_graceful_shutdown=5,  # for the requests in flight: the engine kills 10 s after SIGTERM
    )
    Server(options).run()
