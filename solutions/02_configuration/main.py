#: until 03
#| """Start the service: first its settings, then the server."""
#: from 03
"""Start the service: first its log, then its settings, then the server."""
#: always

import signal
import sys

signal.signal(signal.SIGTERM, lambda *_: sys.exit())  # before the imports, which take a second

#: from 04b
from threading import Timer
from typing import Any

#: from 03
import structlog
#: always
import uvicorn
#: from 02:2
from pydantic import ValidationError
#: always

import app
import config
#: from 03
import logs

log = structlog.get_logger(__name__)
#: from 02:2


def read_settings() -> config.Settings:
    """Return the settings, or say everything that is wrong with them and exit with 1."""
    problems = config.misspelled()
    try:
        settings = config.Settings()
    except ValidationError as error:
        problems += config.problems(error)
    if problems:
        #: from 02:2 until 03
        #| sys.exit(f"configuration refused: {'; '.join(problems)}")
        #: from 03
        log.error("configuration refused", problems=problems)
        sys.exit(1)
        #: from 02:2
    return settings
#: from 04b


class Server(uvicorn.Server):
    """A server that goes on serving for a moment after SIGTERM, and says that it is not ready."""

    # region monitoring.drain
    def handle_exit(self, *signal_and_frame: Any) -> None:
        """Begin to drain, and stop later: load balancers need a moment to notice."""
        #: only the solution
        state = self.config.app.state
        state.draining = True
        log.info("draining", seconds=state.drain_seconds)
        Timer(state.drain_seconds, super().handle_exit, signal_and_frame).start()
        #: only the starter
        #| super().handle_exit(*signal_and_frame)
        #: both

    # endregion monitoring.drain
#: always


if __name__ == "__main__":
    #: from 03
    logs.start()
    #: until 02:2
    #| settings = config.Settings()
    #: from 02:2
    settings = read_settings()
    #: from 03
    logs.set_level(settings.log_level)
    #: always
    options = uvicorn.Config(
        app.create(settings),
        host="0.0.0.0",
        port=settings.http_port,
        #: from 03
        log_config=None,  # the service's own log
        access_log=False,  # the middleware logs each request
        #: always
        timeout_graceful_shutdown=5,  # for the requests in flight: the engine kills 10 s after SIGTERM
    )
    #: until 04b
    #| uvicorn.Server(options).run()
    #: from 04b
    Server(options).run()
