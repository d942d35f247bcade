async def recent(request: Request) -> Response:
    """Answer with the latest twenty orders, the newest first."""
    statement = """
        SELECT id, item, quantity, created_at
        FROM (SELECT * FROM orders ORDER BY id DESC LIMIT 20) AS latest
        ORDER BY id
    """
    return respond(await select(request, statement))
