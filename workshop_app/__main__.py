"""Start the service: read the configuration, start the log, serve, drain, exit. No other module exits."""

import asyncio
import os
import signal
import sys

signal.signal(signal.SIGTERM, lambda *_: os._exit(0))  # no request is in flight during the start

from starlette.applications import Starlette  # noqa: E402

from . import app, config, logs, server  # noqa: E402

log = logs.get_logger(f"{__package__}.main")


def handle_signals(service: Starlette, web: server.Server, drain_seconds: float) -> None:
    """Log SIGTERM and begin to drain; called in the event loop before the server starts."""
    loop = asyncio.get_running_loop()

    def leave() -> None:
        web.should_exit = True

    def drain() -> None:
        log.info("draining", seconds=drain_seconds)
        service.state.draining = True
        loop.call_later(drain_seconds, leave)  # load balancers need a moment to notice the 503

    loop.add_signal_handler(signal.SIGTERM, drain)
    loop.add_signal_handler(signal.SIGINT, leave)


async def serve(settings: config.Config) -> None:
    """Serve until told to stop, and until requests in flight are answered."""
    service = app.create(settings)
    web = server.make(service, settings.http)
    handle_signals(service, web, settings.http.drain_seconds)
    await web.serve()


def main() -> int:
    """Run the service until it is told to stop; return the exit code: 0 stopped, 1 could not run."""
    logs.start()  # first, so that every failure is a line in the log
    try:
        settings = config.load(os.environ)
    except config.ConfigError as error:
        log.error("configuration refused", problems=[vars(problem) for problem in error.problems])
        return 1
    logs.set_level(settings.log.level)
    asyncio.run(serve(settings))
    return 0


if __name__ == "__main__":
    sys.exit(main())
