"""The framework alone: Starlette on uvicorn with what ``uvicorn[standard]`` brings, nothing logged, nothing counted."""

from __future__ import annotations

import sys

import uvicorn
from starlette.applications import Starlette
from starlette.routing import Route

from benchmarks._servers.ours import greet

if __name__ == "__main__":
    application = Starlette(routes=[Route("/greetings/{name}", greet)])
    uvicorn.run(application, port=int(sys.argv[1]), loop="uvloop", http="httptools", log_config=None, access_log=False)
