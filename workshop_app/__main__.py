"""``python -m workshop_app``: read the configuration, start the logs, serve, exit. Nothing else exits."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Mapping
from types import FrameType

USAGE = "python -m workshop_app takes its settings from the environment; --explain shows them and ends.\n"

CONFIG_REFUSED = "configuration refused"
CANNOT_LISTEN = "cannot listen"


def main(arguments: list[str], environ: Mapping[str, str]) -> int:
    """Run the service until it is told to stop; the exit code: 0 stopped, 1 could not run, 2 wrong usage."""
    if arguments == ["--explain"]:
        return explain(environ)
    if arguments:
        asked = arguments in (["--help"], ["-h"])
        (sys.stdout if asked else sys.stderr).write(USAGE)
        return 0 if asked else 2

    # As process 1 of a container we would not get a SIGTERM that nobody handles: handle it before the slow imports.
    signal.signal(signal.SIGTERM, _leave)
    from workshop_app import logs

    logs.start()  # before anything else can fail: then every failure is a line in the log
    from workshop_app import config

    try:
        settings = config.load(environ)
    except config.ConfigError as error:
        logs.get_logger(__name__).error(CONFIG_REFUSED, problems=[vars(problem) for problem in error.problems])
        return 1

    from workshop_app import app, server  # slow, and not needed to say no

    logs.set_level(settings.log.level)
    try:
        sock = server.listen(settings.http)
    except OSError as error:
        logs.get_logger(__name__).error(
            CANNOT_LISTEN, host=settings.http.host, port=settings.http.port, error=str(error)
        )
        return 1
    server.serve(app.create(settings), sock, settings.http.drain_seconds)
    return 0


def explain(environ: Mapping[str, str]) -> int:
    """Show every setting and where it came from; the exit code: would the service start?"""
    from workshop_app import explain

    table, fine = explain.text(environ)
    sys.stdout.write(table)
    return 0 if fine else 1


def _leave(_: int, __: FrameType | None) -> None:
    """At once: there is nothing to put in order yet, and an exception is lost where Python ignores them, as in GC."""
    os._exit(0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], os.environ))
