"""The application: which path leads where, what stands around every request, and what begins and ends with it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.routing import Route

from . import admin, config, fault_table, faults, health, metrics, middleware, orders
from .dependencies import Dependencies, Unavailable

PROBES = [
    Route("/livez", health.live),
    Route("/readyz", health.ready),
    Route("/health", health.deep),
    Route("/metrics", metrics.show),
]
ADMIN = [
    Route("/admin/log-level", admin.read_level, methods=["GET"]),
    Route("/admin/log-level", admin.change_level, methods=["PUT"]),
]
FAULTS = [
    Route("/admin/faults", faults.show, methods=["GET"]),
    Route("/admin/faults", faults.revert, methods=["DELETE"]),
    Route("/admin/faults/{name}", faults.inject, methods=["PUT"]),
    Route("/admin/faults/{name}", faults.revert, methods=["DELETE"]),
]


def create(settings: config.Config) -> Starlette:
    """The application for ``settings``."""
    active = faults.ActiveFaults()
    routes = [
        *PROBES,
        Route("/orders", active.before(orders.create), methods=["POST"]),
        Route("/orders", active.before(orders.recent), methods=["GET"]),
        Route("/orders/{order_id}", active.before(orders.read)),
        *(ADMIN if settings.http.admin else []),
        *(FAULTS if settings.http.faults else []),
    ]
    metrics.expect(routes)
    app = Starlette(
        routes=routes,
        middleware=[Middleware(middleware.RequestMiddleware)],
        exception_handlers={HTTPException: middleware.refused, Unavailable: middleware.unavailable},  # type: ignore[dict-item]
        lifespan=lifespan,
    )
    app.router.redirect_slashes = False  # a redirect would repeat the caller's Host header
    app.state.draining = False
    app.state.faults = active
    app.state.dependencies = Dependencies(settings)
    return app


@asynccontextmanager
async def lifespan(app: Starlette) -> AsyncIterator[None]:
    """What begins and ends with the application."""
    yield
    app.state.faults.revert(*fault_table.FAULTS)
    await app.state.dependencies.close()
