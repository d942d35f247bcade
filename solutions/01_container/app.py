#: until 01b
#| from starlette.applications import Starlette
#| from starlette.responses import JSONResponse
#| from starlette.routing import Route
#|
#| orders = []
#|
#|
#| async def take(request):
#|     orders.append(await request.json())
#|     return JSONResponse({"orders": len(orders)}, status_code=201)
#|
#|
#| app = Starlette(routes=[Route("/orders", take, methods=["POST"])])
#: from 01b
"""The application: which function answers which path, and what they share."""

#: from 03
import structlog
#: from 01b
from starlette.applications import Starlette
#: from 02
from starlette.exceptions import HTTPException
#: from 03
from starlette.middleware import Middleware
from starlette.middleware.base import BaseHTTPMiddleware
#: from 02
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
#: from 01b
from starlette.routing import Route

#: from 02:2
import cache
#: from 04
import health
#: from 04:2
import metrics
#: from 03
import middleware
#: from 01b
import orders
#: from 02
from config import Settings
#: from 01b until 02:2
#| from database import Database
#: from 02:2
from database import Database, Unavailable
#: from 01b

ROUTES = [
    Route("/orders", orders.create, methods=["POST"]),
    Route("/orders", orders.recent),
    Route("/orders/{order_id}", orders.read),
    #: from 04
    Route("/livez", health.live),
    Route("/readyz", health.ready),
    Route("/health", health.deep),
    #: from 04:2
    Route("/metrics", metrics.show),
    #: from 01b
]

#: from 01b until 02
#| app = Starlette(routes=ROUTES)
#| app.state.master = Database("master-db")
#: from 02 until 03

#: from 03
log = structlog.get_logger(__name__)


#: from 02
def create(settings: Settings) -> Starlette:
    """Return the application for these settings."""
    app = Starlette(
        routes=ROUTES,
        #: from 03
        middleware=[Middleware(BaseHTTPMiddleware, dispatch=middleware.around)],
        #: from 02 until 02:2
        #| exception_handlers={HTTPException: refused},
        #: from 02:2
        exception_handlers={HTTPException: refused, Unavailable: unavailable},
        #: from 02
    )
    #: from 04:2
    metrics.expect(ROUTES)

    #: from 02
    app.router.redirect_slashes = False  # a redirect would repeat the caller's Host header
    #: from 02 until 02:2
    #| app.state.master = Database("master-db", settings.master_db)
    #: from 02:2
    app.state.master = Database("master-db", settings.master_db, limit_seconds=1.5)
    app.state.replica = Database("replica-db", settings.replica_db, limit_seconds=0.5)
    app.state.redis = cache.connect(settings.redis)
    #: from 04b

    app.state.draining = False
    app.state.drain_seconds = settings.http_drain_seconds
    #: from 04

    app.state.critical = set(settings.health_critical.split(","))
    app.state.pings = {
        "master-db": app.state.master.ping,
        "replica-db": app.state.replica.ping,
        "redis": app.state.redis.ping,
    }
    #: from 02
    return app


async def refused(_: Request, error: HTTPException) -> Response:
    """Answer a request that cannot be served, such as an order without an item."""
    return JSONResponse({"error": error.detail}, error.status_code, error.headers)


#: from 02:2
async def unavailable(request: Request, error: Unavailable) -> Response:
    """Answer a request for which a database gave no answer in time."""
    #: from 03
    log.warning("dependency not available", dependency=str(error), error=repr(error.__cause__))
    #: from 02:2
    advice = "Please try again shortly."
    if request.method == "POST":
        # The limit may have ended a COMMIT of which only the answer was missing.
        advice = "The order may have been placed all the same: look at the orders before you try again."
    return JSONResponse({"error": f"The database gave no answer in time. {advice}"}, 503)
