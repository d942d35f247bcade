"""An HTTP server for pages, each behind a token, with Tornado.

A request needs a token, a host name of this machine (against DNS rebinding) and no foreign origin.
"""

from __future__ import annotations

import asyncio
import hmac
import json
import socket
import threading
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import tornado.httpserver
import tornado.netutil
import tornado.web

from workshop_kit.errors import NotReady, WorkshopError, WrongUsage

HOST = "127.0.0.1"
NAMES = {HOST, "localhost"}
MOST_BODY_BYTES = 200_000
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
HTML = "text/html; charset=utf-8"
CSS = "text/css"
JS = "text/javascript"
JSON = "application/json"
SENTENCES = {403: "Not without the address that ./workshop desk printed.", 404: "There is nothing here."}

Value = TypeVar("Value")


class PageServer:
    """Serves pages, each behind a token. ``port`` None takes a free one. Raises NotReady for a taken one."""

    def __init__(self, port: int | None = None) -> None:
        self._sockets = listen(port, HOST)
        self.port = int(self._sockets[0].getsockname()[1])
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="desk: server", daemon=True)

    def serve(self, served: Any, routes: Sequence[Any]) -> None:
        """Serve pages of ``served`` in a thread until ``stop``.

        A route has a path, its handler and the arguments of `PageHandler.initialize`.
        """
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._serve(served, routes), self._loop).result()

    def stop(self) -> None:
        """End the server without waiting for answers under way."""
        for listening_socket in self._sockets:
            listening_socket.close()
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()
        self._loop.close()

    async def _serve(self, served: Any, routes: Sequence[Any]) -> None:
        """Accept connections from now on; it runs in the server's thread."""
        application = tornado.web.Application(
            list(routes),
            default_handler_class=PageHandler,
            default_handler_args={"tokens": []},
            log_function=lambda _: None,
            served=served,
        )
        server = tornado.httpserver.HTTPServer(application, max_body_size=MOST_BODY_BYTES)
        server.add_sockets(self._sockets)


class PageHandler(tornado.web.RequestHandler):
    """Checks the token, the host name and the origin of every request; answers errors in one sentence."""

    def initialize(self, tokens: list[str], **route_arguments: Any) -> None:
        """Keep the tokens that open the route, and the route's arguments."""
        self.tokens = tokens
        self.route_arguments = route_arguments
        self.served = self.settings["served"]

    def set_default_headers(self) -> None:
        """Set `HEADERS`, and no name of the server."""
        self.clear_header("Server")
        for name, value in HEADERS.items():
            self.set_header(name, value)

    def prepare(self) -> None:
        """Answer 403 unless the request has a token, one of the host names, and no foreign origin."""
        given_token = self.given_token()
        if not any(hmac.compare_digest(given_token.encode(), token.encode()) for token in self.tokens):
            raise tornado.web.HTTPError(403)
        if self.request.host_name not in NAMES:
            raise tornado.web.HTTPError(403)
        if self._has_foreign_origin():
            raise tornado.web.HTTPError(403)

    def _has_foreign_origin(self) -> bool:
        """Return whether a page of another server sent the request; a plain link to a page is allowed."""
        headers = self.request.headers
        own_origin = f"http://{self.request.host}"
        if headers.get("Origin", own_origin) != own_origin:
            return True

        is_from_elsewhere = headers.get("Sec-Fetch-Site", "none") not in {"none", "same-origin"}
        return is_from_elsewhere and self.request.method != "GET"

    def given_token(self) -> str:
        """Return the token of the request, from its query or its header; "" without one."""
        query_token = self.get_query_argument("token", "")
        if query_token:
            return query_token
        authorization = self.request.headers.get("Authorization", "")
        return authorization[len("token ") :]

    async def from_thread(self, work: Callable[[], Value]) -> Value:
        """Run ``work`` in a thread, while other requests are served, and return its result."""
        return await asyncio.to_thread(work)

    def answer(self, content: str | bytes, kind: str) -> None:
        """Finish with content of a media type."""
        self.set_header("Content-Type", kind)
        self.finish(content)

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """Answer with one sentence: a WorkshopError's own, or one for the status."""
        exception_info = kwargs.get("exc_info")
        error = exception_info[1] if exception_info else None
        if isinstance(error, WorkshopError):
            self.set_status(400 if isinstance(error, WrongUsage) else 409)
            sentence = str(error)
        else:
            sentence = SENTENCES.get(status_code, "That did not work; the terminal says why.")
        self.answer(json.dumps({"error": sentence}), JSON)

    def log_exception(self, *about: Any) -> None:
        """Log errors to the terminal, except a WorkshopError, which the page shows."""
        error = about[1]
        if not isinstance(error, WorkshopError):
            super().log_exception(*about)


def listen(port: int | None, host: str) -> list[socket.socket]:
    """Open a port of this machine, None for a free one.

    Raises WrongUsage for a number that is no port, and NotReady for a port that is taken or reserved.
    """
    if port is not None and not 0 < port < 65536:
        raise WrongUsage(f"{port} is no port.", "Choose one from 1024 to 65535.")
    try:
        return tornado.netutil.bind_sockets(port or 0, address=host)
    except PermissionError as error:
        raise NotReady(f"Port {port} is reserved for the system.", "Choose one from 1024 to 65535.") from error
    except OSError as error:
        raise NotReady(f"Port {port} is taken.", "Choose another with --port, or leave it out.") from error
