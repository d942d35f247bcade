"""The application: which path leads where, and what happens around every request."""

from __future__ import annotations

import asyncio
import os
import re
import time
from collections.abc import AsyncIterator, Awaitable, Mapping
from contextlib import asynccontextmanager

import orjson
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from workshop_app import admin, config, faults, health, loggers, logs, metrics, orders, timings
from workshop_app.dependencies import Dependencies, Unavailable, reason

routes = [
    Route("/livez", health.live),
    Route("/readyz", health.ready),
    Route("/health", health.deep),
    Route(metrics.PATH, metrics.show),
    Route("/orders", orders.create, methods=["POST"]),
    Route("/orders", orders.recent, methods=["GET"]),
    Route("/orders/{order_id}", orders.read),
]
admin_routes = [  # only with HTTP_ADMIN=true
    Route("/admin/log-level", admin.read_level, methods=["GET"]),
    Route("/admin/log-level", admin.change_level, methods=["PUT"]),
]
fault_routes = [  # only with HTTP_FAULTS=true
    Route("/admin/faults", faults.show, methods=["GET"]),
    Route("/admin/faults", faults.heal_all, methods=["DELETE"]),
    Route("/admin/faults/{name}", faults.strike, methods=["PUT"]),
    Route("/admin/faults/{name}", faults.heal, methods=["DELETE"]),
]
PROBES = {"/livez", "/readyz", "/health", metrics.PATH}
HARMLESS_ID = re.compile(rb"[A-Za-z0-9._-]{1,64}")

REQUEST = "request"
REQUEST_FAILED = "request failed"
STARTED = "dependencies connected"
START_FAILED = "dependencies could not be connected"
UNAVAILABLE = "dependency not available"

log = logs.get_logger(__name__)
request_log = loggers.gathering(log)  # its lines can wait a moment: the request has ended, and its answer waits, too


def create(settings: config.Config) -> Starlette:
    """The application for ``settings``; it connects its dependencies when its lifespan starts."""
    in_force = faults.InForce()
    # A config module from before there were these settings does not have them.
    with_admin, with_faults = (getattr(settings.http, name, False) for name in ("admin", "faults"))
    table = [
        *(_behind_door(routes, in_force) if with_faults else routes),
        *(admin_routes if with_admin else []),
        *(fault_routes if with_faults else []),
    ]
    dependencies = Dependencies.of(settings)
    counted = metrics.Metrics(table, dependencies)
    app = Starlette(
        routes=table,
        middleware=[Middleware(RequestLine, counted)],
        exception_handlers={HTTPException: _refused, Unavailable: _unavailable},
        lifespan=_lifespan,
    )
    app.router.redirect_slashes = False  # one spelling a path; a redirect would repeat the caller's Host header
    app.state.started = False
    app.state.draining = False
    app.state.faults = in_force
    app.state.dependencies = dependencies
    app.state.metrics = counted
    return app


def _behind_door(table: list[Route], in_force: faults.InForce) -> list[Route]:
    """The same routes, each with the door before it that lets faults in, except before probes."""
    door = [Middleware(faults.Door, in_force=in_force)]
    return [
        route if route.path in PROBES else Route(route.path, route.endpoint, methods=route.methods, middleware=door)
        for route in table
    ]


@asynccontextmanager
async def _lifespan(app: Starlette) -> AsyncIterator[None]:
    starting = asyncio.create_task(_start(app))
    yield
    app.state.faults.heal_all()
    await starting
    await app.state.dependencies.close()


async def _start(app: Starlette) -> None:
    """Connect beside the server, not before it: `/livez` answers while drivers are still loading."""
    try:
        await asyncio.to_thread(app.state.dependencies.connect)
    except Exception:
        log.exception(START_FAILED)
    else:
        app.state.started = True
        log.info(STARTED)
    await asyncio.to_thread(app.state.metrics.load)


class RequestLine:
    """Gives every request an id, and one line in the log when it has ended. Whatever is logged between has the id.

    It counts them, too: what the line says of a request is what the metrics sum up.
    """

    def __init__(self, app: ASGIApp, counted: metrics.Metrics) -> None:
        self.app = app
        self._counted = counted

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        exchange = Exchange(scope, send, self._counted)
        with logs.request_context(request_id=exchange.request_id):
            exchange.begin()
            try:
                await self.app(scope, receive, exchange.send)
            except Exception:
                log.exception(REQUEST_FAILED)
                if exchange.status is None:
                    await _error(500, "Something went wrong; the log knows.")(scope, receive, exchange.send)
            finally:
                exchange.end()


class Exchange:
    """One request and what became of it."""

    __slots__ = ("_in_flight", "_metrics", "_send", "_started", "request_id", "scope", "size_bytes", "status", "waits")

    def __init__(self, scope: Scope, send: Send, counted: metrics.Metrics) -> None:
        self.scope = scope
        self.request_id = _request_id(scope)
        self.status: int | None = None
        self.size_bytes = 0
        self.waits = timings.of_request()
        self._send = send
        self._metrics = counted
        self._in_flight = int(metrics.is_counted(scope["path"]))
        self._started = time.perf_counter()

    def send(self, message: Message) -> Awaitable[None]:
        """Pass a message on to the client, and note what the line will say about it."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
            # Pairs of bytes, in a list of our own: Starlette's mapping of headers would cost ten times as much.
            message["headers"] = [*message["headers"], (b"x-request-id", self.request_id.encode())]
            if self.scope["app"].state["draining"]:
                message["headers"].append((b"connection", b"close"))  # the next request should go elsewhere
        elif message["type"] == "http.response.body":
            self.size_bytes += len(message.get("body", b""))
        return self._send(message)

    def begin(self) -> None:
        """It is in flight now; who only looks at the metrics does not change them."""
        self._metrics.in_flight += self._in_flight

    def end(self) -> None:
        """Count it, and write its line."""
        seconds = time.perf_counter() - self._started
        route = self.scope.get("route")
        # Never the raw path: anybody can invent a million of them.
        template = route.path if isinstance(route, Route) else metrics.UNMATCHED
        self._metrics.in_flight -= self._in_flight
        self._metrics.count(self.scope["method"], template, self.status, seconds)
        self._log(template, seconds)

    def _log(self, template: str, seconds: float) -> None:
        """Probes come every few seconds: they show at level debug, unless they fail."""
        failed = self.status is None or self.status >= 500
        level = "warning" if failed else "debug" if template in PROBES else "info"
        getattr(request_log, level)(
            REQUEST,
            method=self.scope["method"],
            route=template,
            path=self.scope["path"],
            status=self.status,  # null: it ended without an answer
            duration_ms=round(seconds * 1000, 1),
            size_bytes=self.size_bytes,
            **self.waits,
        )


def _request_id(scope: Scope) -> str:
    """The caller's own id if it is harmless, so that one id follows a request across services; else a new one."""
    for name, value in scope["headers"]:
        if name == b"x-request-id" and HARMLESS_ID.fullmatch(value):
            return str(value.decode())
    return os.urandom(16).hex()


async def _refused(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101  # registered for nothing else
    return _error(error.status_code, error.detail, error.headers)


async def _unavailable(_: Request, error: Exception) -> Response:
    assert isinstance(error, Unavailable)  # noqa: S101  # registered for nothing else
    log.warning(UNAVAILABLE, dependency=error.name, error=reason(error))
    return _error(503, "This does not work at the moment; please try again shortly.", {"Retry-After": "1"})


def _error(status_code: int, sentence: str, headers: Mapping[str, str] | None = None) -> Response:
    return Response(orjson.dumps({"error": sentence}), status_code, headers, media_type="application/json")
