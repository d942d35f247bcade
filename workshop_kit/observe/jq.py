"""The everyday tool beside ours: the real ``jq``, in a container, fed with a log's lines."""

from __future__ import annotations

import contextlib
import subprocess
import threading
import time
from dataclasses import dataclass, field
from typing import IO

from docker.errors import APIError, ImageNotFound

from workshop_kit.engine.containers import Running
from workshop_kit.engine.session import Session
from workshop_kit.engine.spec import Spec, container_config
from workshop_kit.errors import NotReady, WorkshopError

TIMEOUT_SECONDS = 30.0
MAX_BYTES = 8 * 1024 * 1024
_READ_BYTES = 64 * 1024
_KILLED = 137


@dataclass(frozen=True)
class Answer:
    """What jq wrote, and its exit code: 0 good, 2 wrong usage or input, 3 the program cannot be read, 5 it failed.

    ``cut`` says that there was more output than is kept; jq was stopped then (exit code 137).
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
    """Run ``jq OPTIONS PROGRAM`` over ``data`` as its stdin, without network, and return what came of it.

    ``image`` is one with jq in it: the collector's. A mistake in the program is no exception: jq's message and exit
    code are in the answer. Raises WorkshopError if it takes too long, and NotReady if there is no such image.
    """
    with _made(session, image, (*options, "--", program)) as running:
        command = ["docker", "start", "--attach", "--interactive", running.id]
        try:
            process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        except FileNotFoundError as missing:
            raise NotReady("The docker command is not installed.", "Run ./workshop setup.") from missing
        with process:
            try:
                return _answer(process, data, time.monotonic() + timeout_seconds, max_bytes)
            except TimeoutError:
                raise WorkshopError(
                    f"jq was stopped: it took more than {timeout_seconds:g} s.", "Give it less, or ask for less."
                ) from None
            finally:
                process.kill()


def _made(session: Session, image: str, command: tuple[str, ...]) -> Running:
    """A container that waits to be started: its stdin is open, and the engine keeps nothing of its output."""
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
        words = container_config(api, spec, session.labels("kernel"))
        words |= {"OpenStdin": True, "StdinOnce": True, "AttachStdin": True}
        made = api.create_container_from_config(words)
        container = session.engine.client.containers.get(made["Id"])
        session.record("container", container.id, container.name, "kernel")
    except ImageNotFound as missing:
        raise NotReady(f"There is no image {image}.", "Run ./workshop setup to build it.") from missing
    except APIError as refused:
        raise WorkshopError(
            f"The engine refused to run jq: {refused.explanation}.", "Run ./workshop doctor, then try again."
        ) from refused
    return Running(session, container)


@dataclass
class _Kept:
    """What one stream has said, as far as it is kept."""

    data: bytearray = field(default_factory=bytearray)
    cut: bool = False

    def read(self, stream: IO[bytes] | None, max_bytes: int) -> None:
        while piece := stream.read1(_READ_BYTES) if stream else b"":  # type: ignore[attr-defined]
            self.data += piece[: max_bytes - len(self.data)]
            if len(self.data) >= max_bytes:
                self.cut = True
                return

    @property
    def text(self) -> str:
        return self.data.decode(errors="replace")


def _answer(process: subprocess.Popen[bytes], data: bytes, deadline: float, max_bytes: int) -> Answer:
    """Feed, read both streams, wait. Raises TimeoutError."""
    output, error = _Kept(), _Kept()
    readers = [
        threading.Thread(target=output.read, args=(process.stdout, max_bytes), daemon=True),
        threading.Thread(target=error.read, args=(process.stderr, max_bytes), daemon=True),
    ]
    for thread in (*readers, threading.Thread(target=_feed, args=(process.stdin, data), daemon=True)):
        thread.start()
    while any(thread.is_alive() for thread in readers) and not (output.cut or error.cut):
        if time.monotonic() > deadline:
            raise TimeoutError
        readers[0].join(0.01)
        readers[1].join(0.01)
    if output.cut or error.cut:
        process.kill()
    process.wait(max(0.1, deadline - time.monotonic()))
    cut = output.cut or error.cut
    return Answer(output.text, error.text, _KILLED if cut else process.returncode, cut)


def _feed(stdin: IO[bytes] | None, data: bytes) -> None:
    """Write all, unless jq has ended before."""
    if stdin:
        with contextlib.suppress(BrokenPipeError, ValueError), stdin:
            stdin.write(data)
