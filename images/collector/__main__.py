"""Entry point of the container."""

import os
import signal
import sys
import threading

import boto3
from botocore.config import Config
from docker.errors import DockerException

from .collector import Collector, Uploader
from .records import say
from .settings import read_settings

PATIENCE = Config(connect_timeout=1, read_timeout=5, retries={"total_max_attempts": 1}, proxies={})
REGION = "us-east-1"  # boto3 asks for one; the emulator has all of them


def main() -> int:
    """Collect until SIGTERM; return the exit code."""
    stopping = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stopping.set())
    try:
        settings = read_settings(os.environ)
        credentials = {"aws_access_key_id": settings.key_id, "aws_secret_access_key": settings.key}
        client = boto3.client("s3", endpoint_url=settings.endpoint, region_name=REGION, config=PATIENCE, **credentials)
        say("info", "started", session=settings.session, endpoint=settings.endpoint)
        Collector(settings, Uploader(settings, client)).run(stopping)
    except (OSError, ValueError, DockerException) as error:
        say("fatal", "cannot collect", error=str(error))
        return 1  # the engine starts it again
    say("info", "stopped")
    return 0


sys.exit(main())
