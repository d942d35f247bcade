async def recent(request: Request) -> Response:
    """Answer with the latest twenty orders, the newest first."""
    statement = """
        SELECT *
        FROM orders
        ORDER BY created_at DESC, id DESC
        LIMIT :limit
    """
    return respond(await select(request, statement, limit=20))
