async def recent(request: Request) -> Response:
    """Answer with the latest twenty orders, the newest first."""
    rows = await select(request, "SELECT id, item, quantity, created_at FROM orders ORDER BY id DESC")
    return respond(rows)
