"""Orders: placed in the database, and read from it."""

import json
import re
from typing import Any

from pydantic import BaseModel, Field, ValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from database import Row

INSERT = """
    INSERT INTO orders (item, quantity, created_at)
    VALUES (:item, :quantity, UTC_TIMESTAMP(3))
    RETURNING id, item, quantity, created_at
"""
SELECT_ONE = "SELECT id, item, quantity, created_at FROM orders WHERE id = :order_id"


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
    return respond(order, 201)


def respond(content: Any, status_code: int = 200) -> Response:
    """Answer with an order, or with a list of orders."""
    return Response(to_json(content), status_code, media_type="application/json")


def to_json(content: Any) -> bytes:
    """Return orders as JSON. Their times are UTC."""
    return json.dumps(content, default=lambda time: f"{time.isoformat()}Z").encode()


async def read(request: Request) -> Response:
    """Answer with one order."""
    order_id = request.path_params["order_id"]
    if not re.fullmatch("[0-9]{1,18}", order_id):
        raise HTTPException(404, "There is no such order: the id of an order is a number.")

    rows = await select(request, SELECT_ONE, order_id=int(order_id))
    if not rows:
        raise HTTPException(404, f"There is no order {order_id}.")
    return respond(rows[0])


# region orders.recent
async def recent(request: Request) -> Response:
    """Answer with the latest twenty orders, the newest first."""
    return respond([])


# endregion orders.recent


async def select(request: Request, statement: str, **values: Any) -> list[Row]:
    """Ask the database."""
    return await request.app.state.master.run(statement, **values)
