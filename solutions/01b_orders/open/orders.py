import re
from datetime import datetime

SELECT_ONE = """
    SELECT id, item, quantity, created_at
    FROM orders
    WHERE id = :order_id
"""


class NewOrder(BaseModel, extra="forbid", strict=True):
    """What a customer sends."""

    item: str = Field(max_length=100, pattern=r"\S")
    quantity: int = Field(ge=1, le=1_000_000)


def to_json(content: Any) -> bytes:
    """Return orders as JSON. Their times are UTC."""

    def in_utc(time: datetime) -> str:
        return f"{time.isoformat()}Z"

    return json.dumps(content, default=in_utc).encode()


async def find(request: Request, order_id: str) -> Row:
    """Return the order with this id. Raises HTTPException without one."""
    if not re.fullmatch("[0-9]{1,18}", order_id):
        raise HTTPException(404, "There is no such order: the id of an order is a number.")

    rows = await select(request, SELECT_ONE, order_id=int(order_id))
    if not rows:
        raise HTTPException(404, f"There is no order {order_id}.")
    return rows[0]
