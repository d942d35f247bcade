"""The log of the service: each event is one JSON object on standard output, those of libraries, too."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import datetime
from typing import Any

import pytest

from workshop_kit.paths import CHECKOUT

FOLDER = CHECKOUT / "workshop_app"
START = "import logs\nlogs.start()\n"
WRITERS = {
    "service": "import structlog\nstructlog.get_logger('orders').warning('careful', item='a\\nb')",
    "library": "import logging\nlogging.getLogger('driver').warning('careful: %s', 'a\\nb')",
    "warning": "import warnings\nwarnings.warn('careful')",
    "exception": "try:\n    {}['careful']\nexcept KeyError:\n    logs.structlog.get_logger().exception('bug')",
    "thread": "import threading\nthreading.Thread(target=lambda: {}['careful']).start()",
}
"""Programs that write something with the word careful."""


def logged(program: str) -> list[dict[str, Any]]:
    """Run a program after the start of the log; return the objects that came by standard output."""
    command = [sys.executable, "-c", START + program]
    run = subprocess.run(command, cwd=FOLDER, capture_output=True, text=True, check=True)
    assert run.stderr == ""
    return [json.loads(line) for line in run.stdout.split("\n")[:-1]]


@pytest.mark.parametrize("writer", WRITERS)
def test_every_writer_has_one_line_with_the_same_fields(writer: str) -> None:
    """Without a handler of their own, warnings and threads would write lines for eyes to standard error."""
    [line] = logged(WRITERS[writer])
    assert [*line][:5] == ["ts", "level", "logger", "caller", "msg"]
    assert line["out"] == "stdout"
    assert "careful" in json.dumps(line)
    assert ("stack" in line) == (writer in {"exception", "thread"})
    assert line["level"] == ("error" if "stack" in line else "warning")


SHOP = "import logging, structlog\nlog = structlog.get_logger('shop')\n"


def test_shape_of_a_line() -> None:
    """Time, level, logger, caller and message come first, then the fields with their types; no field replaces these.

    No value ends the line. Half a character is a value like any other, and a SecretStr that is logged by
    mistake shows stars.
    """
    line, library, forged, half, secret = logged(
        SHOP + "log.info('order placed', order_id=7, fast=True)\n"
        "logging.getLogger('library').warning('slow: %s', 'x\\n{\"level\": \"error\"}')\n"
        "log.info('m', level='critical', ts='never', msg='forged', out='y', logger='z', caller='w', filename='v')\n"
        "log.info('m', value='\\ud800\\x1b[2J')\n"
        "from pydantic import SecretStr; log.info('m', password=SecretStr('canary'))"
    )
    assert [*line][:5] == ["ts", "level", "logger", "caller", "msg"]
    assert datetime.fromisoformat(line.pop("ts")).tzinfo
    assert line == {
        "level": "info",
        "logger": "shop",
        "caller": "<string>:5",
        "msg": "order placed",
        "out": "stdout",
        "order_id": 7,
        "fast": True,
    }
    assert (library["logger"], library["level"]) == ("library", "warning")
    assert library["msg"] == 'slow: x\n{"level": "error"}'
    assert (forged["level"], forged["msg"], forged["out"], forged["logger"]) == ("info", "m", "stdout", "shop")
    assert forged["caller"] == "<string>:7"
    assert forged["ts"] != "never"
    assert half["value"] == "\ud800\x1b[2J"
    assert "canary" not in json.dumps(secret)
