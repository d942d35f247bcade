"""Every line on stdout is one JSON object, of the service and of libraries, with any value in it."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import datetime
from typing import Any

import pytest

from tests.workshop_app.conftest import ROOT


def lines_of(program: str) -> list[dict[str, Any]]:
    """Run a program after ``logs.start()``; its log. Anything else on stdout or stderr fails."""
    done = subprocess.run(
        [sys.executable, "-c", f"import logging\nfrom workshop_app import logs\nlogs.start()\n{program}"],
        cwd=ROOT,
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert done.stderr == b""
    return [json.loads(line) for line in done.stdout.split(b"\n")[:-1]]


def test_shape_of_a_line() -> None:
    """Time, level, logger, caller and message come first, then the fields with their types."""
    (line,) = lines_of("logs.get_logger('shop').info('order placed', order_id=7, fast=True)")
    assert list(line) == ["ts", "level", "logger", "caller", "msg", "out", "order_id", "fast"]
    assert line | {"ts": ""} == {
        "ts": "",
        "level": "info",
        "logger": "shop",
        "caller": "<string>:4",
        "msg": "order placed",
        "out": "stdout",
        "order_id": 7,
        "fast": True,
    }
    assert datetime.fromisoformat(line["ts"]).tzinfo


def test_lines_of_libraries() -> None:
    """A library that logs through the standard library, and a warning, come out the same way."""
    library, warning = lines_of(
        "logging.getLogger('lib').info('got %d of %s', 3, 'tea', extra={'cups': 2})\n"
        "import warnings; warnings.warn('old')"
    )
    assert (library["level"], library["logger"], library["msg"]) == ("info", "lib", "got 3 of tea")
    assert library["cups"] == 2
    assert (warning["level"], warning["logger"]) == ("warning", "py.warnings")


@pytest.mark.parametrize(
    "report", ["logs.get_logger('a').exception('failed')", "logging.getLogger('a').exception('failed')"]
)
def test_exceptions_are_fields_without_local_variables(report: str) -> None:
    """``stack`` and ``error`` describe the exception; a password in a local variable is not logged."""
    (line,) = lines_of(
        f"def dial(password):\n    raise ConnectionError('refused')\n"
        f"try:\n    dial('canary'[::-1])\nexcept ConnectionError:\n    {report}"
    )
    assert (line["level"], line["msg"], line["error"]) == ("error", "failed", "ConnectionError: refused")
    assert "in dial" in line["stack"]
    assert "yranac" not in json.dumps(line)


def test_uncaught_exception_is_a_line() -> None:
    """Even the last words are JSON."""
    (line,) = lines_of("raise RuntimeError('the end')")
    assert (line["level"], line["msg"], line["error"]) == ("critical", "uncaught exception", "RuntimeError: the end")


def test_request_context_reaches_every_line_inside() -> None:
    """The id is in every line of its task, also of libraries and threads, and in no other."""
    lines = lines_of(
        "import asyncio\n"
        "async def serve(name):\n"
        "    with logs.request_context(request_id=name):\n"
        "        await asyncio.sleep(0)\n"
        "        logging.getLogger('lib').info('inside')\n"
        "        await asyncio.to_thread(logging.getLogger('lib').info, 'in a thread')\n"
        "        logs.get_logger('a').info('inside', request=name)\n"
        "async def main(): await asyncio.gather(serve('x'), serve('y'))\n"
        "asyncio.run(main())\n"
        "logs.get_logger('a').info('outside')"
    )
    assert sorted(line["request_id"] for line in lines[:-1]) == ["x"] * 3 + ["y"] * 3
    assert all(line["request"] == line["request_id"] for line in lines if "request" in line)
    assert "request_id" not in lines[-1]
    assert list(lines[0]) == ["ts", "level", "logger", "caller", "msg", "out", "request_id"]


def test_fields_do_not_forge_the_head() -> None:
    """A field called ``level`` does not replace the line's own."""
    (line,) = lines_of("logs.get_logger('a').info('m', level='critical', ts='never', msg='forged', out='y')")
    assert (line["level"], line["msg"], line["out"]) == ("info", "m", "stdout")
    assert line["ts"] != "never"


@pytest.mark.parametrize("text", ["a\nb", '{"level": "critical"}', "\x1b[2J\u2028\x7f", "\ud800"])
def test_any_value_is_data_on_one_line(text: str) -> None:
    """Line ends, JSON, escape sequences, half a character: nothing in a value ends the line or acts on a terminal."""
    (line,) = lines_of(f"logs.get_logger('a').info('m', value={text!r})")
    assert line["value"] == text


def test_secrets_are_masked() -> None:
    """A SecretStr that is logged by mistake shows stars."""
    (line,) = lines_of("from pydantic import SecretStr\nlogs.get_logger('a').info('m', password=SecretStr('canary'))")
    assert "canary" not in json.dumps(line)
