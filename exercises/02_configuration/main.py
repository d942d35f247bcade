"""Start the service: first its settings, then the server."""

import signal
import sys

signal.signal(signal.SIGTERM, lambda *_: sys.exit())  # before the imports, which take a second

import uvicorn
from pydantic import ValidationError

import app
import config


def read_settings() -> config.Settings:
    """Return the settings, or say everything that is wrong with them and exit with 1."""
    problems = config.misspelled()
    try:
        settings = config.Settings()
    except ValidationError as error:
        problems += config.problems(error)
    if problems:
        sys.exit(f"configuration refused: {'; '.join(problems)}")
    return settings


if __name__ == "__main__":
    settings = read_settings()
    options = uvicorn.Config(
        app.create(settings),
        host="0.0.0.0",
        port=settings.http_port,
        timeout_graceful_shutdown=5,  # for the requests in flight: the engine kills 10 s after SIGTERM
    )
    uvicorn.Server(options).run()
