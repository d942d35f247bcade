# Made by `./workshop build` from solutions/02_configuration/app.py: edit that file.
"""The application: which module answers which path, and what stands around every request."""

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.routing import Route

from . import admin, config, dependencies, faults, health, metrics, middleware, orders


def create(settings: config.Config) -> Starlette:
    """Return the application for these settings."""
    active, around = faults.ActiveFaults(), [Middleware(middleware.RequestMiddleware)]
    routes = [
        Route("/livez", health.live),
        Route("/readyz", health.ready),
        Route("/health", health.deep),
        Route("/metrics", metrics.show),
        *orders.routes(active.before),
        *(admin.ROUTES if settings.http.admin else []),
        *(faults.ROUTES if settings.http.faults else []),
    ]
    metrics.expect(routes)
    app = Starlette(False, routes, around, middleware.HANDLERS, lifespan=dependencies.lifespan)
    app.router.redirect_slashes = False  # a redirect would repeat the caller's Host header
    app.state.draining, app.state.faults = False, active
    app.state.dependencies = dependencies.Dependencies(settings)
    return app
