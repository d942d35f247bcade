"""Our service with one more route, which needs no database; configured and started as always: [--unobserved] PORT."""

from __future__ import annotations

import sys

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from workshop_app import app, config, logs, server

DATABASE = {"HOST": "127.0.0.1", "PORT": "1", "NAME": "shop", "USER": "shop", "PASSWORD": "unused", "SQL_MODE": "ANSI"}
REDIS = {"HOST": "127.0.0.1", "PORT": "1", "PASSWORD": "unused"}


async def greet(request: Request) -> Response:
    """Say hello."""
    body = orjson.dumps({"greeting": f"Hello, {request.path_params['name']}!"})
    return Response(body, media_type="application/json")


def environ(port: str) -> dict[str, str]:
    """What the service wants to be told; there are no databases, and nobody asks them."""
    groups = {"MASTER_DB": DATABASE, "REPLICA_DB": DATABASE, "REDIS": REDIS}
    found = {f"{group}_{name}": value for group, values in groups.items() for name, value in values.items()}
    return found | {"HTTP_HOST": "127.0.0.1", "HTTP_PORT": port, "HTTP_DRAIN_SECONDS": "0"}


def main() -> None:
    """Serve until SIGTERM."""
    logs.start()
    *words, port = sys.argv[1:]
    settings = config.load(environ(port))
    app.routes.insert(0, Route("/greetings/{name}", greet))  # first, as the only route of the others is
    application = app.create(settings)
    if "--unobserved" in words:
        application.user_middleware.clear()  # no id, no line, no metrics: what is left shows what they cost
    server.serve(application, server.listen(settings.http), settings.http.drain_seconds)


if __name__ == "__main__":
    main()
