#: until 02
#| """Orders: placed in the database, and read from it."""
#: from 02
"""Orders: placed at the master; read from the cache, else the replica, else the master."""
#: always

import json
#: from 01b:2
import re
#: always
from typing import Any

#: from 03
import structlog
#: always
from pydantic import BaseModel, Field, ValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
#: from 01b:2

#: from 02
import cache
#: from 01b:2 until 02
#| from database import Row
#: from 02
from database import Row, Unavailable
#: always

INSERT = """
    INSERT INTO orders (item, quantity, created_at)
    VALUES (:item, :quantity, UTC_TIMESTAMP(3))
    RETURNING id, item, quantity, created_at
"""
#: from 01b:2
SELECT_ONE = "SELECT id, item, quantity, created_at FROM orders WHERE id = :order_id"
#: always
#: from 03

log = structlog.get_logger(__name__)
#: always


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
    #: from 03
    log.info("order placed", order_id=order["id"], quantity=order["quantity"])
    #: from 02

    await keep(request, order)
    #: always
    return respond(order, 201)


def respond(content: Any, status_code: int = 200) -> Response:
    """Answer with an order, or with a list of orders."""
    return Response(to_json(content), status_code, media_type="application/json")


def to_json(content: Any) -> bytes:
    """Return orders as JSON. Their times are UTC."""
    return json.dumps(content, default=lambda time: f"{time.isoformat()}Z").encode()


#: from 01b:2
async def read(request: Request) -> Response:
    """Answer with one order."""
    order_id = request.path_params["order_id"]
    if not re.fullmatch("[0-9]{1,18}", order_id):
        raise HTTPException(404, "There is no such order: the id of an order is a number.")

    #: from 02
    kept = await cache.ask(request.app.state.redis, "GET", f"order:{order_id}")
    if kept:
        return Response(kept, headers={"X-Cache": "hit"}, media_type="application/json")

    #: from 01b:2
    rows = await select(request, SELECT_ONE, order_id=int(order_id))
    if not rows:
        raise HTTPException(404, f"There is no order {order_id}.")
    #: from 02

    await keep(request, rows[0])
    #: from 01b:2
    return respond(rows[0])


# region orders.recent
async def recent(request: Request) -> Response:
    """Answer with the latest twenty orders, the newest first."""
    #: only the solution
    rows = await select(
        request,
        "SELECT id, item, quantity, created_at FROM orders ORDER BY id DESC LIMIT 20",
    )
    return respond(rows)
    #: only the starter
    #| return respond([])
    #: both


# endregion orders.recent


async def select(request: Request, statement: str, **values: Any) -> list[Row]:
    #: from 01b:2 until 02
    #| """Ask the database."""
    #| return await request.app.state.master.run(statement, **values)
    #: from 02
    """Ask the replica; ask the master if the replica is away, or does not have the row yet."""
    rows = []
    try:
        rows = await request.app.state.replica.run(statement, **values)
    #: from 02 until 03
    #| except Unavailable:
    #|     pass  # the master has every order
    #: from 03
    except Unavailable as error:
        log.warning("replica not available", error=repr(error.__cause__))
    #: from 02

    return rows or await request.app.state.master.run(statement, **values)
#: from 02


async def keep(request: Request, order: Row) -> None:
    """Keep an order in the cache for a minute: a new one is there before the replica has it."""
    await cache.ask(request.app.state.redis, "SET", f"order:{order['id']}", to_json(order), "EX", 60)
