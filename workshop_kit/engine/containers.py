"""Run, wait for and remove single containers; their ports are published on this machine alone."""

from __future__ import annotations

import contextlib
import io
import tarfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from types import TracebackType
from typing import Any, Self

import requests
from docker.errors import APIError, ImageNotFound, NotFound

from workshop_kit.engine.client import WorkspaceClient
from workshop_kit.engine.client_containers import remove_container
from workshop_kit.engine.container_spec import Spec
from workshop_kit.engine.labels import Scope
from workshop_kit.engine.reach import engine_reason
from workshop_kit.engine.session import Session
from workshop_kit.errors import NotInTime, WorkshopError
from workshop_kit.paths import clone_command
from workshop_kit.patience import patient, wait_for

SECRETS_FOLDER = "/run/secrets"
"""The folder in a container that holds its secret files, as with docker compose."""
EXEC_TRIES = 5
"""A busy engine now and then returns the exit code of an exec without its output."""
LOG_TAIL_LINES = 20
LOG_TAIL_BYTES = 64 * 1024
POLL_SECONDS = 0.02
ENDED = frozenset({"exited", "dead"})
"""The states of a container whose program has ended, in ``docker inspect``."""
DIFF_DELETED = 2
"""The kind of a deletion in ``docker diff``."""


@dataclass(frozen=True)
class CommandResult:
    """The exit code of a command in a container; its stdout and stderr together, without the last line end."""

    exit_code: int
    output: str


class Running:
    """A container of this session; as a context manager it is removed with its volumes at the end of the block."""

    def __init__(self, session: Session, container: Any) -> None:
        self.session = session
        self.container = container

    @property
    def id(self) -> str:
        """The engine's full id."""
        return str(self.container.id)

    @property
    def name(self) -> str:
        """The name the engine gave it."""
        return str(self.container.name)

    def inspect(self) -> dict[str, Any]:
        """Return what ``docker inspect`` reports. Raises WorkshopError if the container is gone."""
        try:
            self.container.reload()
        except NotFound as gone:
            raise WorkshopError(f"The container {self.name} is gone.", "Run the cell that starts it again.") from gone
        return dict(self.container.attrs)

    def url(self, port: int = 8080) -> str:
        """Return the address of a published port on this machine: ``http://127.0.0.1:PORT``."""
        return url_of(self.inspect(), port)

    def exec(self, *command: str) -> CommandResult:
        """Run a command inside the container, and return its exit code and its output without the last line end."""
        result = self.container.exec_run(list(command))
        output = result.output.decode(errors="replace")
        return CommandResult(result.exit_code, output.removesuffix("\n"))

    def read(self, *command: str) -> str:
        """Return the output of a command that changes nothing; run it again if a busy engine has lost the output."""
        for _ in range(EXEC_TRIES):
            output = self.exec(*command).output
            if output:
                return output
        return ""

    def log_tail(self, lines: int = LOG_TAIL_LINES) -> str:
        """Return the last lines that it wrote to stdout and stderr, at most 64 KiB."""
        text = self.container.logs(tail=lines)[-LOG_TAIL_BYTES:]
        return str(text.decode(errors="replace")).rstrip()

    def wait_for(self, condition: Callable[[], bool], *, within_seconds: float = 20, goal: str = "get ready") -> float:
        """Poll until ``condition()`` is true; return the seconds it took.

        ``goal`` completes "It could not …" in errors.
        Raises NotInTime with the last log lines when the time is up, and WorkshopError when the container has exited.
        """
        started = time.monotonic()

        def is_good() -> bool:
            if condition():
                return True
            state = self.inspect()["State"]
            if state["Status"] in ENDED:
                raise self._state_error(f"exited with code {state['ExitCode']} before it could {goal}")
            return False

        is_in_time = wait_for(is_good, within_seconds, pause_seconds=POLL_SECONDS)
        waited_seconds = time.monotonic() - started
        if not is_in_time:
            raise self._state_error(f"did not {goal} within {waited_seconds:.0f} s", NotInTime)
        return waited_seconds

    def wait_line(self, text: str = "", *, within_seconds: float = 20, goal: str = "print a line") -> str:
        """Wait until its last line is this text, or until there is any line; return it. Raises as `wait_for` does.

        Its program should not end then: on a busy machine the engine may lose the last output of one that ends.
        """

        def has_line() -> bool:
            line = self.log_tail(1)
            return line == text if text else bool(line)

        self.wait_for(has_line, within_seconds=within_seconds, goal=goal)
        return self.log_tail(1)

    def wait_ended(self, *, within_seconds: float = 20) -> int:
        """Return its exit code once it has ended. Raises NotInTime with its last lines if it takes longer."""
        started = time.monotonic()

        def has_ended() -> bool:
            return self.inspect()["State"]["Status"] in ENDED

        if not wait_for(has_ended, within_seconds, pause_seconds=POLL_SECONDS):
            raise self._state_error(f"still runs after {time.monotonic() - started:.0f} s", NotInTime)
        return int(self.container.attrs["State"]["ExitCode"])

    def wait_ready(self, path: str = "/readyz", *, within_seconds: float = 20) -> float:
        """Request a path of its port 8080 until the answer is a success; return the seconds it took."""
        with requests.Session() as client:
            client.trust_env = False  # a proxy of this machine does not reach its own containers

            def is_ready() -> bool:
                attributes = self.inspect()
                if not attributes["State"]["Running"]:  # it has no port, and `wait_for` raises the error
                    return False
                with contextlib.suppress(requests.RequestException):
                    return client.get(url_of(attributes, 8080) + path, timeout=patient(2)).ok
                return False

            return self.wait_for(is_ready, within_seconds=within_seconds, goal=f"answer 200 on {path}")

    def remove(self) -> None:
        """Kill and remove the container with its anonymous volumes; being gone already is fine."""
        remove_container(self.session, self.id)

    def _state_error(self, predicate: str, error_type: type[WorkshopError] = WorkshopError) -> WorkshopError:
        """Return an error whose sentence is "The container NAME" and this predicate, with the last log lines."""
        sentence = f"The container {self.name} {predicate}."
        return error_type(sentence, "Read its last lines.", output=self.log_tail())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, _t: type[BaseException] | None, _v: BaseException | None, _b: TracebackType | None) -> None:
        self.remove()


def run(session: Session, spec: Spec, *, scope: Scope = "kernel") -> Running:
    """Create a container, copy its files into it, and start it. Raises WorkshopError as `create` does.

    A container that does not start is removed.
    """
    running = create(session, spec, scope=scope)
    try:
        with _refusals_as_sentences(spec):
            copy_in(running.container, spec.files)
            running.container.start()
    except BaseException:
        running.remove()
        raise

    return running


def create(session: Session, spec: Spec, *, scope: Scope = "kernel") -> Running:
    """Create a container as the participant's client does; it is not started.

    Raises WorkshopError in one sentence: no such image, a port or limit that the engine refuses.
    """
    client = WorkspaceClient(session, scope=scope)
    with _refusals_as_sentences(spec):
        return Running(session, client.containers.create(spec.image, spec.command, **spec.options()))


@contextlib.contextmanager
def _refusals_as_sentences(spec: Spec) -> Iterator[None]:
    """Turn the engine's refusals in the block into WorkshopErrors."""
    try:
        yield
    except ImageNotFound as missing:
        next_step = f"Run {clone_command('setup')} to build it."
        raise WorkshopError(f"There is no image {spec.image}.", next_step) from missing
    except APIError as refusal:
        raise WorkshopError(
            f"The engine refused to start a container of {spec.image}: {engine_reason(refusal)}.",
            "Correct that, then run the cell again.",
        ) from refusal


def url_of(attributes: Mapping[str, Any], port: int) -> str:
    """Return ``http://127.0.0.1:PORT`` of a published port, from what ``docker inspect`` reports.

    Raises WorkshopError if the container is not running or does not publish the port.
    """
    published_port = host_port(attributes, port)
    if published_port is None:
        name = attributes["Name"].lstrip("/")
        status = attributes["State"]["Status"]
        raise WorkshopError(f"Port {port} of {name} cannot be reached: it is {status}.", "Start it first.")
    return f"http://127.0.0.1:{published_port}"


def host_port(attributes: Mapping[str, Any], port: int) -> int | None:
    """Return the port of this machine that leads to a container's port; None if it is not published, or not now."""
    published_ports = attributes["NetworkSettings"]["Ports"] or {}
    bindings = published_ports.get(f"{port}/tcp")
    return int(bindings[0]["HostPort"]) if bindings else None


def copy_in(container: Any, files: Mapping[str, str | bytes]) -> None:
    """Copy files, by absolute path, into a container."""
    for path, content in files.items():
        target = PurePosixPath(path)
        container.put_archive(str(target.parent), archive_of({target.name: content}))


def archive_of(files: Mapping[str, str | bytes]) -> bytes:
    """Return a tar archive of files, by name, with the present time: otherwise Python could run old bytecode of one."""
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        for name, content in files.items():
            data = content.encode() if isinstance(content, str) else content
            member = tarfile.TarInfo(name)
            member.size = len(data)
            member.mtime = int(time.time())
            tar.addfile(member, io.BytesIO(data))
        end = tar.offset + 2 * tarfile.BLOCKSIZE

    # without the padding: Podman stops reading at the end of the archive, and may take what follows for an error
    return archive.getvalue()[:end]
