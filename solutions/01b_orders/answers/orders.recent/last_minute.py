async def recent(request: Request) -> Response:
    """Answer with the latest twenty orders, the newest first."""
    statement = """
        SELECT id, item, quantity, created_at
        FROM orders
        WHERE created_at > UTC_TIMESTAMP(3) - INTERVAL 1 MINUTE
        ORDER BY id DESC
        LIMIT 20
    """
    return respond(await select(request, statement))
