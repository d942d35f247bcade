"""Every line on stdout is one JSON object, of the service and of libraries.

What a customer asks for, exceptions, and the id of a request: the checks of logging.stdout and logging.context.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from datetime import datetime
from typing import Any

import pytest
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from structlog.typing import EventDict

from tests.workshop_app.conftest import ROOT, application, ask
from workshop_app import dependencies, logs


def lines_of(program: str) -> list[dict[str, Any]]:
    """Run a program after ``logs.start()``; its log. Anything else on stdout or stderr fails."""
    prelude = "import logging\nfrom workshop_app import logs\nlogs.start()\nlog = logs.get_logger('shop')\n"
    command = [sys.executable, "-c", prelude + program]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, timeout=60, check=False)
    assert done.stderr == b""
    return [json.loads(line) for line in done.stdout.split(b"\n")[:-1]]


def test_shape_of_a_line() -> None:
    """Time, level, logger, caller and message come first, then the fields with their types; no field replaces these.

    Half a character is a value like any other, and a SecretStr that is logged by mistake shows stars.
    """
    line, forged, half, secret = lines_of(
        "log.info('order placed', order_id=7, fast=True)\n"
        "log.info('m', level='critical', ts='never', msg='forged', out='y')\n"
        "log.info('m', value='\\ud800')\n"
        "from pydantic import SecretStr; log.info('m', password=SecretStr('canary'))"
    )
    assert list(line) == ["ts", "level", "logger", "caller", "msg", "out", "order_id", "fast"]
    assert datetime.fromisoformat(line.pop("ts")).tzinfo
    assert list(line.values()) == ["info", "shop", "<string>:5", "order placed", "stdout", 7, True]
    assert (forged["level"], forged["msg"], forged["out"]) == ("info", "m", "stdout")
    assert forged["ts"] != "never"
    assert half["value"] == "\ud800"
    assert "canary" not in json.dumps(secret)


def test_lines_of_libraries() -> None:
    """A library that logs through the standard library, a warning, and the last words come out the same way."""
    library, warning, last = lines_of(
        "logging.getLogger('lib').info('got %d of %s', 3, 'tea', extra={'cups': 2})\n"
        "import warnings; warnings.warn('old')\n"
        "raise RuntimeError('the end')"
    )
    assert (library["level"], library["logger"], library["msg"]) == ("info", "lib", "got 3 of tea")
    assert library["cups"] == 2
    assert (warning["level"], warning["logger"]) == ("warning", "py.warnings")
    assert (last["level"], last["msg"], last["error"]) == ("critical", "uncaught exception", "RuntimeError: the end")


async def broken(_: Request) -> Response:
    """Logs in a thread, waits for a database, and fails."""
    await asyncio.to_thread(logs.get_logger("test").warning, "in a thread")
    with dependencies.waiting_for("master-db", ()):
        await asyncio.sleep(0.01)
    raise KeyError("price")


@pytest.mark.anyio
async def test_a_bug_is_answered_politely_and_told_in_full(log_lines: list[EventDict]) -> None:
    """500 and a sentence outside; inside the exception and the request's line, all with its id."""
    app = application()
    app.router.routes.append(Route("/broken/{number}", broken))
    answer = await ask(app, "/broken/7", headers={"X-Request-ID": "mine"})
    assert (answer.status_code, set(answer.json())) == (500, {"error"})
    thread, failed, request = log_lines
    assert {line["request_id"] for line in (thread, failed, request)} == {"mine"}
    assert (failed["log_level"], failed["event"], failed["exc_info"]) == ("error", "request failed", True)
    assert (request["log_level"], request["route"], request["status"]) == ("warning", "/broken/{number}", 500)
    assert 10 <= request["master_db_ms"] <= request["duration_ms"] + 0.1
    assert request["size_bytes"] == len(answer.content)
