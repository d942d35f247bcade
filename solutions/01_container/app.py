from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route

orders = []


async def take(request):
    orders.append(await request.json())
    return JSONResponse({"orders": len(orders)}, status_code=201)


app = Starlette(routes=[Route("/orders", take, methods=["POST"])])
