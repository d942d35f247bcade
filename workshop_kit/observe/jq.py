"""Run the real ``jq`` in a container over the lines of a log."""

from __future__ import annotations

import signal
import subprocess
import tempfile
import threading
from dataclasses import dataclass
from typing import IO, cast

from docker.errors import APIError, ImageNotFound

from workshop_kit.engine.containers import Running
from workshop_kit.engine.session import Session
from workshop_kit.engine.spec import Spec, container_config
from workshop_kit.errors import NotReady, WorkshopError

TIMEOUT_SECONDS = 30.0
MAX_BYTES = 8 * 1024 * 1024
_KILLED = 137


@dataclass(frozen=True)
class Answer:
    """jq's output and exit code: 0 good, 2 wrong usage or input, 3 a mistake in the program, 5 it failed.

    ``cut``: there was more output than the limit, and jq was stopped (exit code 137).
    """

    output: str
    error: str
    exit_code: int
    cut: bool = False


def jq(
    session: Session,
    image: str,
    program: str,
    data: bytes,
    *options: str,
    timeout_seconds: float = TIMEOUT_SECONDS,
    max_bytes: int = MAX_BYTES,
) -> Answer:
    """Run ``jq OPTIONS PROGRAM`` with ``data`` as its stdin, without network.

    ``image`` contains jq (the collector's does). A mistake in the program raises nothing: jq's message and exit code
    are in the answer. Raises WorkshopError if it takes too long, and NotReady if there is no such image.
    """
    with _create(session, image, (*options, "--", program)) as running:
        try:
            return _run(running.id, data, timeout_seconds, max_bytes)
        except FileNotFoundError as missing:
            raise NotReady("The docker command is not installed.", "Run ./workshop setup.") from missing


def _create(session: Session, image: str, command: tuple[str, ...]) -> Running:
    """Create a container with an open stdin and without a log; it is not started."""
    spec = Spec(
        image,
        entrypoint=("jq",),
        command=command,
        network="none",
        user="65534:65534",
        healthcheck={"Test": ["NONE"]},
        host={"LogConfig": {"Type": "none"}},
    )
    api = session.engine.client.api
    try:
        config = container_config(api, spec, session.labels("kernel"))
        config |= {"OpenStdin": True, "StdinOnce": True, "AttachStdin": True}
        made = api.create_container_from_config(config)
        container = session.engine.client.containers.get(made["Id"])
        session.record("container", container.id, container.name, "kernel")
    except ImageNotFound as missing:
        raise NotReady(f"There is no image {image}.", "Run ./workshop setup to build it.") from missing
    except APIError as refused:
        raise WorkshopError(
            f"The engine refused to run jq: {refused.explanation}.", "Run ./workshop doctor, then try again."
        ) from refused
    return Running(session, container)


def _run(container_id: str, data: bytes, timeout_seconds: float, max_bytes: int) -> Answer:
    """Attach to the container with ``data`` as its stdin, and read what it writes."""
    with tempfile.TemporaryFile() as stdin, tempfile.TemporaryFile() as errors:
        stdin.write(data)
        stdin.seek(0)
        command = ["docker", "start", "--attach", "--interactive", container_id]
        with subprocess.Popen(command, stdin=stdin, stdout=subprocess.PIPE, stderr=errors) as process:
            stdout = cast(IO[bytes], process.stdout)
            timer = threading.Timer(timeout_seconds, process.kill)
            timer.start()
            try:
                output = stdout.read(max_bytes)
                cut = bool(stdout.read(1))
                if cut:
                    process.kill()
                process.wait()
            finally:
                timer.cancel()
        if not cut and process.returncode == -signal.SIGKILL:
            raise WorkshopError(
                f"jq was stopped: it took more than {timeout_seconds:g} s.", "Give it less, or ask for less."
            )
        errors.seek(0)
        error = errors.read(max_bytes)
    code = _KILLED if cut else process.returncode
    return Answer(output.decode(errors="replace"), error.decode(errors="replace"), code, cut)
