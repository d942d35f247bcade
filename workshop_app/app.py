# Made by `./workshop build` from the lessons and the solutions of their exercises: edit those.
"""The application: which function answers which path, and what they share."""

import structlog
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

import cache
import health
import metrics
import middleware
import orders
from config import Settings
from database import Database, Unavailable

ROUTES = [
    Route("/orders", orders.create, methods=["POST"]),
    Route("/orders", orders.recent),
    Route("/orders/{order_id}", orders.read),
    Route("/livez", health.live),
    Route("/readyz", health.ready),
    Route("/health", health.deep),
    Route("/metrics", metrics.show),
]
log = structlog.get_logger(__name__)


def create(settings: Settings) -> Starlette:
    """Return the application for these settings."""
    app = Starlette(
        routes=ROUTES,
        middleware=[Middleware(BaseHTTPMiddleware, dispatch=middleware.around)],
        exception_handlers={HTTPException: refused, Unavailable: unavailable},
    )
    metrics.expect(ROUTES)

    app.router.redirect_slashes = False  # a redirect would repeat the caller's Host header
    app.state.master = Database("master-db", settings.master_db, limit_seconds=1.5)
    app.state.replica = Database("replica-db", settings.replica_db, limit_seconds=0.5)
    app.state.redis = cache.connect(settings.redis)

    app.state.draining = False
    app.state.drain_seconds = settings.http_drain_seconds

    app.state.critical = set(settings.health_critical.split(","))
    app.state.pings = {
        "master-db": app.state.master.ping,
        "replica-db": app.state.replica.ping,
        "redis": app.state.redis.ping,
    }
    return app


async def unavailable(request: Request, error: Unavailable) -> Response:
    """Answer a request for which a database gave no answer in time."""
    log.warning("dependency not available", dependency=str(error), error=repr(error.__cause__))
    return JSONResponse({"error": f"The database gave no answer in time. {advice(request.method)}"}, 503)


def advice(method: str) -> str:
    """Return what a customer should do whose request got no answer in time."""
    if method == "POST":
        # The limit may have ended a COMMIT of which only the answer was missing.
        return "The order may have been placed all the same: look at the orders before you try again."
    return "Please try again shortly."


async def refused(_: Request, error: HTTPException) -> Response:
    """Answer a request that cannot be served, such as an order without an item."""
    return JSONResponse({"error": error.detail}, error.status_code, error.headers)
