RECENT: list[Any] = []


async def create(request: Request) -> Response:
    """Place an order, and remember it."""
    try:
        new_order = NewOrder.model_validate_json(await request.body())
    except ValidationError:
        raise HTTPException(422, 'Send an order like {"item": "tea", "quantity": 2}.') from None

    [order] = await request.app.state.master.run(INSERT, **new_order.model_dump())
    RECENT.insert(0, order)
    return respond(order, 201)


async def recent(request: Request) -> Response:
    """Answer with the latest twenty orders, the newest first."""
    return respond(RECENT[:20])
