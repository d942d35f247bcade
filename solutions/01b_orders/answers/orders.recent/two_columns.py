async def recent(request: Request) -> Response:
    """Answer with the latest twenty orders, the newest first."""
    rows = await select(request, "SELECT id, item FROM orders ORDER BY id DESC LIMIT 20")
    return respond([{"id": row["id"], "item": row["item"].upper()} for row in rows])
