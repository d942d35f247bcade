"""Ask the engine's API as cheaply as it allows: one answer at a time, or a response that goes on until it is closed."""

from __future__ import annotations

import contextlib
import http.client
import json
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import requests
import urllib3
from docker.types import CancellableStream

from workshop_kit.engine.reach import Engine
from workshop_kit.errors import NotReady, WorkshopError, WrongUsage
from workshop_kit.screen import visible

TIMEOUT_SECONDS = 5.0
ANSWER_SECONDS = 60.0  # between two pieces of a long answer
CHUNK_BYTES = 64 * 1024

Ask = Callable[[str], Any]  # a path with its query, without the API version → the parsed answer


class Gone(WorkshopError):
    """The engine has no such container (any more)."""

    def __init__(self, name: str) -> None:
        super().__init__(f"The container {name} is gone.", "Run the cell that starts it again.")


class Away(NotReady):
    """The engine does not answer: stopped, restarting, hanging, or cut off."""

    def __init__(self) -> None:
        super().__init__("The Docker engine does not answer.", "Start it again, or run ./workshop doctor.")


class Refused(WorkshopError):
    """The engine answered, but not what was asked for."""


def sdk(container: Any) -> Any:
    """The SDK's container: the thing itself, or what a ``Running`` of the kit holds."""
    return getattr(container, "container", container)


def container_of(given: Any) -> Any:
    """The SDK's container: the thing itself, or what a ``Running`` of the kit holds. Raises WrongUsage for others."""
    container = sdk(given)
    if not hasattr(container, "reload"):
        named = f"'{visible(given, 60)}'" if isinstance(given, str) else "What was given"
        raise WrongUsage(
            f"{named} is of type {type(given).__name__}, and only a container has a log.",
            'Give what `w.run` returned, or w.stack.container("service").',
        )
    return container


def asker(engine: Engine) -> Ask:
    """The cheapest way to ask this engine for JSON, over one connection that is kept open.

    On a Unix socket http.client costs about 0.4 ms of CPU a request, httpx 1.0, the SDK 1.4 (benchmarks/observe).
    For tcp, TLS and ssh the SDK knows the way. The result is for one thread; it raises Away, Gone or Refused.
    """
    api = engine.client.api
    if engine.endpoint.socket:
        return _Socket(engine.endpoint.socket, api.api_version)
    return lambda path: _answer_of(_get(api, path, timeout=TIMEOUT_SECONDS))


class Stream:
    """A response without an end, in chunks of bytes; closed by ``close``, by ``stop``, or by the other side.

    ``cut`` says afterwards whether the other side broke off without having finished. Raises Away, Gone or Refused.
    """

    def __init__(self, api: Any, path: str, params: Mapping[str, Any], stop: threading.Event) -> None:
        self.cut = False
        self._stop = stop
        self._done = threading.Event()
        self._response = _get(api, path, params=params, stream=True, timeout=(TIMEOUT_SECONDS, None))
        if not self._response.ok:
            _refuse(self._response.status_code, self._response.content, path)
        threading.Thread(target=self._close_on_stop, name="observe: stop", daemon=True).start()

    def __iter__(self) -> Iterator[bytes]:
        try:
            yield from self._response.raw.stream(CHUNK_BYTES)
        except (urllib3.exceptions.HTTPError, OSError, ValueError, AttributeError):
            self.cut = not self._stop.is_set()  # ValueError, AttributeError: closed under the reader's feet
        finally:
            self.close()

    def close(self) -> None:
        """End it, also while another thread reads from it."""
        if self._done.is_set():
            return
        self._done.set()
        with contextlib.suppress(Exception):  # whichever way it fails, the socket is already closed
            channel = getattr(self._response.raw._fp.fp, "channel", None)
            if channel is not None:  # the ssh command is a process of its own, which has no socket to shut
                channel.proc.terminate()
            else:
                CancellableStream(iter(()), self._response).close()
        self._response.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, _t: type[BaseException] | None, _v: BaseException | None, _b: TracebackType | None) -> None:
        self.close()

    def _close_on_stop(self) -> None:
        while not self._done.wait(0.1):
            if self._stop.is_set():
                self.close()


def chunks(api: Any, path: str, params: Mapping[str, Any]) -> Iterator[bytes]:
    """An answer of any size, as it comes, to its end. Raises Away, Gone or Refused."""
    with _get(api, path, params=params, stream=True, timeout=(TIMEOUT_SECONDS, ANSWER_SECONDS)) as response:
        if not response.ok:
            _refuse(response.status_code, response.content, path)
        try:
            yield from response.raw.stream(CHUNK_BYTES)
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise Away from error


class _Socket:
    """JSON over one kept connection to a Unix socket."""

    def __init__(self, path: Path, api_version: str) -> None:
        self._connection = _UnixConnection(path)
        self._version = api_version

    def __call__(self, path: str) -> Any:
        status, body = self._request(path)
        if status >= http.client.BAD_REQUEST:
            _refuse(status, body, path)
        return _parsed(body)

    def _request(self, path: str) -> tuple[int, bytes]:
        fresh = self._connection.sock is None
        try:
            self._connection.request("GET", f"/v{self._version}{path}", headers={"Host": "docker"})
            response = self._connection.getresponse()
            return response.status, response.read()
        except TimeoutError as error:
            self._connection.close()
            raise Away from error
        except (OSError, http.client.HTTPException) as error:
            self._connection.close()
            if fresh:
                raise Away from error
            return self._request(path)  # the engine had closed a connection that was idle


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: Path) -> None:
        super().__init__("docker", timeout=TIMEOUT_SECONDS)
        self._path = str(path)

    def connect(self) -> None:
        connection = socket.socket(socket.AF_UNIX)
        connection.settimeout(TIMEOUT_SECONDS)
        try:
            connection.connect(self._path)
        except OSError:
            connection.close()
            raise
        self.sock = connection


def _get(api: Any, path: str, **options: Any) -> requests.Response:
    try:
        return api.get(f"{api.base_url}/v{api.api_version}{path}", **options)  # type: ignore[no-any-return]
    except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
        raise Away from error


def _answer_of(response: requests.Response) -> Any:
    if not response.ok:
        _refuse(response.status_code, response.content, response.url)
    return _parsed(response.content)


def _refuse(status: int, body: bytes, path: str) -> None:
    if status == http.client.NOT_FOUND:
        raise Gone(path.partition("/containers/")[2].partition("/")[0][:12])
    try:
        says = str(json.loads(body)["message"])
    except (ValueError, KeyError, TypeError):
        says = body[:200].decode(errors="replace")
    raise Refused(f"The engine refused with {status}: {says.strip().rstrip('.')}.", "Run ./workshop doctor.")


def _parsed(body: bytes) -> Any:
    try:
        return json.loads(body)
    except ValueError as error:
        raise Refused("The engine's answer is not JSON.", "Run ./workshop doctor.") from error
