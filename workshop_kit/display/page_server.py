"""Serve HTML pages on this machine, each behind a token, with Tornado.

A request needs a token, a host name of this machine (against DNS rebinding) and no foreign origin.
"""

from __future__ import annotations

import asyncio
import hmac
import json
import socket
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Self, TypeVar

import tornado.httpserver
import tornado.netutil
import tornado.web

from workshop_kit.errors import NotReady, WorkshopError, WrongUsage

HOST = "127.0.0.1"
NAMES = {HOST, "localhost"}
MOST_BODY_BYTES = 200_000
AT_ONCE = 8
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": POLICY,
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",  # the address holds the token
    "X-Content-Type-Options": "nosniff",
}
SVG, HTML, CSS, JS = "image/svg+xml", "text/html; charset=utf-8", "text/css", "text/javascript"

Made = TypeVar("Made")


class PageServer(ABC):
    """Pages over something, each behind a token. ``port`` None takes a free one. Raises NotReady where it is taken."""

    def __init__(self, port: int | None = None, host: str = HOST) -> None:
        self.host = host
        self._sockets = _listen(port, host)
        self.port = int(self._sockets[0].getsockname()[1])
        self._pool = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="desk: page")
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="desk: server", daemon=True)

    @abstractmethod
    def routes(self, shown: Any) -> list[Any]:
        """Return the addresses, each with its handler and the handler's arguments."""

    def start(self, shown: Any) -> Self:
        """Serve, in a thread of its own, until ``stop``."""
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._serve(shown), self._loop).result()
        return self

    def stop(self) -> None:
        """End it; what is being answered now is not waited for."""
        for one in self._sockets:
            one.close()
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()
        self._pool.shutdown(wait=False, cancel_futures=True)
        self._loop.close()

    async def _serve(self, shown: Any) -> None:
        nobody = {"desk": shown, "pool": self._pool, "tokens": []}
        application = tornado.web.Application(
            self.routes(shown), default_handler_class=Handler, default_handler_args=nobody, log_function=lambda _: None
        )
        tornado.httpserver.HTTPServer(application, max_body_size=MOST_BODY_BYTES).add_sockets(self._sockets)


class Handler(tornado.web.RequestHandler):
    """What every route does first: look who asks, from where, and under which name."""

    def initialize(
        self, desk: Any, pool: ThreadPoolExecutor, tokens: list[str], names: set[str] = NAMES, **more: str
    ) -> None:
        """Keep what the route was given; ``names`` are those that the machine may be asked under."""
        self.desk, self.pool, self.tokens, self.names, self.more = desk, pool, tokens, names, more

    def set_default_headers(self) -> None:
        """No cache, no referrer, nothing from elsewhere; not even a name of what serves it."""
        self.clear_header("Server")
        for name, value in HEADERS.items():
            self.set_header(name, value)

    def prepare(self) -> None:
        """Let in who has a token, came by this machine's own name, and not from another page. Raises 403."""
        given = self.get_query_argument("token", "") or self.request.headers.get("Authorization", "")[len("token ") :]
        if not any(hmac.compare_digest(given.encode(), token.encode()) for token in self.tokens):
            raise tornado.web.HTTPError(403)
        headers = self.request.headers
        if self.request.host_name not in self.names:
            raise tornado.web.HTTPError(403)
        if headers.get("Origin", f"http://{self.request.host}") != f"http://{self.request.host}":
            raise tornado.web.HTTPError(403)
        if headers.get("Sec-Fetch-Site", "none") not in {"none", "same-origin"} and self.request.method != "GET":
            raise tornado.web.HTTPError(403)

    async def from_thread(self, work: Callable[[], Made]) -> Made:
        """Do something that waits for the engine, and let others be served meanwhile."""
        return await asyncio.get_running_loop().run_in_executor(self.pool, work)

    def answer(self, content: str | bytes, kind: str) -> None:
        """Finish with a text of a kind."""
        self.set_header("Content-Type", kind)
        self.finish(content)

    def answer_json(self, content: object) -> None:
        """Finish with JSON."""
        self.answer(json.dumps(content), "application/json")

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """One sentence: a WorkshopError's own, or what the status means."""
        error = (kwargs.get("exc_info") or (None, None))[1]
        if isinstance(error, WorkshopError):
            self.set_status(400 if isinstance(error, WrongUsage) else 409)
            self.answer_json({"error": str(error)})
            return
        said = {403: "Not without the address that ./workshop desk printed.", 404: "There is nothing here."}
        self.answer_json({"error": said.get(status_code, "That did not work; the terminal says why.")})

    def log_exception(self, *about: Any) -> None:
        """A WorkshopError is told on the page; anything else is a mistake of ours, and goes to the terminal."""
        if not isinstance(about[1], WorkshopError):
            super().log_exception(*about)


def _listen(port: int | None, host: str) -> list[socket.socket]:
    if port is not None and not 0 < port < 65536:
        raise WrongUsage(f"{port} is no port.", "Choose one from 1024 to 65535.")
    try:
        return tornado.netutil.bind_sockets(port or 0, address=host)
    except PermissionError as error:
        raise NotReady(f"Port {port} is reserved for the system.", "Choose one from 1024 to 65535.") from error
    except OSError as error:
        raise NotReady(f"Port {port} is taken.", "Choose another with --port, or leave it out.") from error
