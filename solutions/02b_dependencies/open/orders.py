async def read(request: Request) -> Response:
    """Answer with one order."""
    order_id = request.path_params["order_id"]
    kept = await cache.ask(request.app.state.redis, "GET", f"order:{order_id}")
    if kept:
        return Response(kept, headers={"X-Cache": "hit"}, media_type="application/json")

    order = await find(request, order_id)
    await keep(request, order)
    return respond(order)


async def keep(request: Request, order: Row) -> None:
    """Keep an order in the cache for a minute: a new one is there before the replica has it."""
    key = f"order:{order['id']}"
    await cache.ask(request.app.state.redis, "SET", key, to_json(order), "EX", 60)


async def select(request: Request, statement: str, **values: Any) -> list[Row]:
    """Ask the replica; ask the master if the replica is away, or does not have the row yet."""
    rows = await ask_replica(request, statement, values)
    if not rows:
        rows = await request.app.state.master.run(statement, **values)
    return rows
