async def recent(request: Request) -> Response:
    """Answer with the latest twenty orders, the newest first."""
    newest = await select(request, "SELECT MAX(id) AS id FROM orders")
    first = (newest[0]["id"] or 0) - 1000
    rows = await select(request, "SELECT created_at, quantity, item, id FROM orders WHERE id > :first", first=first)
    rows.sort(key=lambda row: row["id"], reverse=True)
    return respond(rows[:20])
