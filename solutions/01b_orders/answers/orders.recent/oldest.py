async def recent(request: Request) -> Response:
    """Answer with the latest twenty orders, the newest first."""
    rows = await select(request, "SELECT id, item, quantity, created_at FROM orders ORDER BY id LIMIT 20")
    rows.reverse()
    return respond(rows)
