# Made by `./workshop build` from the lessons and the solutions of their exercises: edit those.
"""Orders: placed at the master; read from the cache, else the replica, else the master."""

import json
import re
from datetime import datetime
from typing import Any

import structlog
from pydantic import BaseModel, Field, ValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

import cache
from database import Row, Unavailable

INSERT = """
    INSERT INTO orders (item, quantity, created_at)
    VALUES (:item, :quantity, UTC_TIMESTAMP(3))
    RETURNING id, item, quantity, created_at
"""
SELECT_ONE = """
    SELECT id, item, quantity, created_at
    FROM orders
    WHERE id = :order_id
"""
log = structlog.get_logger(__name__)


class NewOrder(BaseModel, extra="forbid", strict=True):
    """What a customer sends."""

    item: str = Field(max_length=100, pattern=r"\S")
    quantity: int = Field(ge=1, le=1_000_000)


async def create(request: Request) -> Response:
    """Place an order."""
    try:
        new_order = NewOrder.model_validate_json(await request.body())
    except ValidationError:
        raise HTTPException(422, 'Send an order like {"item": "tea", "quantity": 2}.') from None

    [order] = await request.app.state.master.run(INSERT, **new_order.model_dump())
    log.info("order placed", order_id=order["id"], quantity=order["quantity"])

    await keep(request, order)
    return respond(order, 201)


def respond(content: Any, status_code: int = 200) -> Response:
    """Answer with an order, or with a list of orders."""
    return Response(to_json(content), status_code, media_type="application/json")


def to_json(content: Any) -> bytes:
    """Return orders as JSON. Their times are UTC."""

    def in_utc(time: datetime) -> str:
        return f"{time.isoformat()}Z"

    return json.dumps(content, default=in_utc).encode()


async def read(request: Request) -> Response:
    """Answer with one order."""
    order_id = request.path_params["order_id"]
    kept = await cache.ask(request.app.state.redis, "GET", f"order:{order_id}")
    if kept:
        return Response(kept, headers={"X-Cache": "hit"}, media_type="application/json")

    order = await find(request, order_id)
    await keep(request, order)
    return respond(order)


async def keep(request: Request, order: Row) -> None:
    """Keep an order in the cache for a minute: a new one is there before the replica has it."""
    key = f"order:{order['id']}"
    await cache.ask(request.app.state.redis, "SET", key, to_json(order), "EX", 60)


async def find(request: Request, order_id: str) -> Row:
    """Return the order with this id. Raises HTTPException without one."""
    if not re.fullmatch("[0-9]{1,18}", order_id):
        raise HTTPException(404, "There is no such order: the id of an order is a number.")

    rows = await select(request, SELECT_ONE, order_id=int(order_id))
    if not rows:
        raise HTTPException(404, f"There is no order {order_id}.")
    return rows[0]


async def recent(request: Request) -> Response:
    """Answer with the latest twenty orders, the newest first."""
    statement = """
        SELECT id, item, quantity, created_at
        FROM orders
        ORDER BY id DESC
        LIMIT 20
    """
    return respond(await select(request, statement))


async def select(request: Request, statement: str, **values: Any) -> list[Row]:
    """Ask the replica; ask the master if the replica is away, or does not have the row yet."""
    rows = await ask_replica(request, statement, values)
    if not rows:
        rows = await request.app.state.master.run(statement, **values)
    return rows


async def ask_replica(request: Request, statement: str, values: dict[str, Any]) -> list[Row]:
    """Return the rows that the replica has; none if it is away."""
    try:
        return await request.app.state.replica.run(statement, **values)
    except Unavailable as error:
        log.warning("replica not available", error=repr(error.__cause__))
        return []  # the master has every order
