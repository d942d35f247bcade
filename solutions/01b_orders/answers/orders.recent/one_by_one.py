LATEST = "SELECT id FROM orders ORDER BY id DESC LIMIT 20"


async def recent(request: Request) -> Response:
    """Answer with the latest twenty orders, the newest first."""
    ids = [row["id"] for row in await select(request, LATEST)]
    rows = []
    for order_id in ids:
        rows += await select(request, SELECT_ONE, order_id=order_id)
    return respond(rows)
