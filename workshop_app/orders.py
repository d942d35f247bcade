"""Orders: written to the master database, read from its replica, cached in Redis.

An order is placed once the master has it. Redis and the replica only take work from the master: without either, every
request still works.

The replica lags a moment. To make a new order visible at once, it is stored in Redis when it is placed, and the master
is asked for an order that the replica does not have. The list of recent orders may lack the last milliseconds.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any

import orjson
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError
from sqlalchemy import RowMapping
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from . import json_body, logs
from .dependencies import Cache, Database, Dependencies, Unavailable, reason

CACHE_SECONDS = 60
CACHE_TIMEOUT_SECONDS = 0.2  # after this time the database is faster
RECENT_LIMIT = 100
LARGEST_ID = 2**63 - 1

INSERT = "INSERT INTO orders (item, quantity, created_at) VALUES (%s, %s, %s)"
SELECT_ONE = "SELECT id, item, quantity, created_at FROM orders WHERE id = %s"
SELECT_RECENT = "SELECT id, item, quantity, created_at FROM orders ORDER BY id DESC LIMIT %s"

log = logs.get_logger(__name__)

Handler = Callable[[Request], Awaitable[Response]]


class NewOrder(BaseModel):
    """What a customer sends."""

    model_config = ConfigDict(extra="forbid", strict=True)

    item: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100)]
    quantity: Annotated[int, Field(ge=1, le=1_000_000)]


async def create(request: Request) -> Response:
    """Place an order: 201 with the order, and where to find it."""
    new = _parse(await json_body.read(request))
    dependencies: Dependencies = request.app.state.dependencies
    now = datetime.now(UTC)
    created_at = now.replace(microsecond=now.microsecond // 1000 * 1000, tzinfo=None)  # what the column keeps
    async with dependencies.master_db.transaction() as connection:
        inserted = await connection.exec_driver_sql(INSERT, (new.item, new.quantity, created_at))
    order = {"id": inserted.lastrowid, **new.model_dump(), "created_at": created_at}
    log.info("order placed", order_id=order["id"], quantity=new.quantity)
    body = _to_json(order)
    await _ask_cache(dependencies.redis, "SET", f"order:{order['id']}", body, "EX", CACHE_SECONDS)
    return _respond(body, 201, {"Location": f"/orders/{order['id']}"})


async def read(request: Request) -> Response:
    """One order, from the cache if it is there (``X-Cache`` tells)."""
    order_id = _number(request.path_params["order_id"])
    if not 0 <= order_id <= LARGEST_ID:
        raise HTTPException(404, "There is no such order: an order's id is a number.")
    dependencies: Dependencies = request.app.state.dependencies
    if body := await _ask_cache(dependencies.redis, "GET", f"order:{order_id}"):
        return _respond(body, headers={"X-Cache": "hit"})
    rows = await _select(dependencies, SELECT_ONE, order_id)
    if not rows:
        raise HTTPException(404, f"There is no order {order_id}.")
    body = _to_json(dict(rows[0]))
    await _ask_cache(dependencies.redis, "SET", f"order:{order_id}", body, "EX", CACHE_SECONDS)
    return _respond(body, headers={"X-Cache": "miss"})


async def recent(request: Request) -> Response:
    """The latest orders, newest first; ``?limit=`` says how many."""
    limit = _number(request.query_params.get("limit", "20"))
    if not 1 <= limit <= RECENT_LIMIT:
        raise HTTPException(422, f"limit should be a whole number from 1 to {RECENT_LIMIT}.")
    dependencies: Dependencies = request.app.state.dependencies
    rows = await _select(dependencies, SELECT_RECENT, limit)
    return _respond(_to_json([dict(row) for row in rows]))


async def _select(dependencies: Dependencies, statement: str, value: int) -> Sequence[RowMapping]:
    """The rows of the replica; those of the master if the replica has none yet, or does not answer."""
    try:
        if rows := await _rows(dependencies.replica_db, statement, value):
            return rows
    except Unavailable as error:
        log.warning("replica not available", error=reason(error))
    return await _rows(dependencies.master_db, statement, value)


async def _rows(database: Database, statement: str, value: int) -> Sequence[RowMapping]:
    async with database.transaction() as connection:
        return (await connection.exec_driver_sql(statement, (value,))).mappings().all()


def _parse(content: object) -> NewOrder:
    try:
        return NewOrder.model_validate(content)
    except ValidationError as error:
        details = error.errors(include_url=False, include_input=False, include_context=False)
        found = [": ".join([*map(str, detail["loc"]), detail["msg"].lower()]) for detail in details]
        raise HTTPException(422, f"The order is not accepted: {'; '.join(found)}.") from None


def _number(text: str) -> int:
    """The number that the digits are; -1 for anything else."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 19 else -1


async def _ask_cache(cache: Cache, *command: str | bytes | int) -> Any:
    """The answer of Redis to a command; ``None`` if none comes in time, since the databases have every order."""
    try:
        async with asyncio.timeout(CACHE_TIMEOUT_SECONDS):
            return await cache.run(*command)
    except (Unavailable, TimeoutError) as error:
        log.warning("cache not available", error=reason(error))
        return None


def _respond(body: bytes, status_code: int = 200, headers: dict[str, str] | None = None) -> Response:
    return Response(body, status_code, headers, media_type="application/json")


def _to_json(content: Any) -> bytes:
    return orjson.dumps(content, option=orjson.OPT_NAIVE_UTC)


def routes(around: Callable[[Handler], Handler]) -> list[Route]:
    """Return the paths of this module; ``around`` wraps each handler."""
    return [
        Route("/orders", around(create), methods=["POST"]),
        Route("/orders", around(recent), methods=["GET"]),
        Route("/orders/{order_id}", around(read)),
    ]
