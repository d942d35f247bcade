"""The service as a process: answers without databases, logs, and stop.

What a customer asks for, exceptions, and the id of a request: the checks of logging.stdout and logging.context; the
level at runtime: that of logging.level; health while dependencies are away: that of monitoring.deep.
"""

from __future__ import annotations

import contextlib
import json
import socket
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Any

import pytest

from tests.workshop_app.conftest import DB_PASSWORD, REDIS_PASSWORD, ROOT, Service, free_port
from tests.workshop_app.probes import p99_seconds, probe

LEVEL = "/admin/log-level"
ENDLESS_BYTES = 40 * 1024**2
HALF_AN_ORDER = b'POST /orders HTTP/1.1\r\nHost: shop\r\nContent-Length: 40\r\n\r\n{"item": "tea", '


def test_orders_without_dependencies_are_refused(shared_service: Service) -> None:
    """503 with the time after which to try again, and without the reason."""
    order = shared_service.ask("/orders", "POST", b'{"item": "tea", "quantity": 1}')
    for answer in (order, shared_service.ask("/orders"), shared_service.ask("/orders/1")):
        assert (answer.status, answer.headers["retry-after"], set(answer.json())) == (503, "1", {"error"})
        assert not any(inner in answer.body for inner in ("127.0.0.1", "Connect", "Error", "sql"))


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "words"),
    [
        ("POST", "/orders", b"[" * 10_000, 400, "not JSON"),
        ("POST", "/orders", b"{}", 422, "item: field required; quantity: field required"),
        ("POST", "/orders", b'{"item": "tea", "quantity": 1, "price": 0}', 422, "price: extra inputs"),
        ("POST", "/orders", b'{"item": "' + b"x" * 20_000 + b'"}', 413, "at most 16384 bytes"),
        ("GET", "/orders/" + "9" * 5_000, b"", 404, "an order's id is a number"),
        ("GET", "/orders?limit=101", b"", 422, "from 1 to 100"),
        ("DELETE", "/orders", b"", 405, ""),
        ("PUT", LEVEL, b"{}", 404, ""),  # every client can reach the port, so both are off by default
        ("PUT", "/admin/faults/errors", b"{}", 404, ""),
    ],
    ids=range(9),
)
def test_bad_requests_are_refused_in_json(
    shared_service: Service, method: str, path: str, body: bytes, status: int, words: str
) -> None:
    """The mistake is named before a database is asked."""
    answer = shared_service.ask(path, method, body)
    assert answer.status == status
    assert words in answer.json()["error"]


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


def test_the_log_is_json_lines_without_secrets(service: Service) -> None:
    """Each line is JSON, the server's too; each request has one line, and its id in all its lines.

    The path is data; probes are silent unless they fail; no password is logged, and stderr is empty.
    """
    service.ask("/livez")
    service.ask("/no/such/path")
    answer = service.ask("/orders/1", headers={"X-Request-ID": "order-1.first_try"})
    assert answer.headers["x-request-id"] == "order-1.first_try"
    for strange in ("a" * 65, 'x", "level": "critical'):
        assert len(service.ask("/livez", headers={"X-Request-ID": strange}).headers["x-request-id"]) == 32
    assert service.stop() == 0
    lines = service.lines
    assert all(list(line)[:6] == ["ts", "level", "logger", "caller", "msg", "out"] for line in lines)
    assert {"workshop_app.main", "workshop_app.middleware", "uvicorn.error"} <= {line["logger"] for line in lines}
    requests = [line for line in lines if line["msg"] == "request" and line["route"] != "/readyz"]
    assert [(line["route"], line["path"], line["status"], line["level"]) for line in requests] == [
        ("unmatched", "/no/such/path", 404, "info"),
        ("/orders/{order_id}", "/orders/1", 503, "warning"),
    ]
    assert all(line["duration_ms"] >= 0 and line["size_bytes"] > 0 for line in requests)
    assert {line["level"] for line in lines if line.get("route") == "/readyz"} == {"warning"}
    assert [line["msg"] for line in lines if line.get("request_id") == "order-1.first_try"] == [
        "cache not available",
        "replica not available",
        "dependency not available",
        "request",
    ]
    assert "draining" in [line["msg"] for line in lines]
    assert "Can't connect" in service.output
    assert service.errors == ""
    assert DB_PASSWORD not in service.output
    assert REDIS_PASSWORD not in service.output


@pytest.mark.parametrize(
    ("begin", "piece"),
    [
        (b"GET /livez HTTP/1.1\r\nCookie: ", b"x"),
        (b"GET /livez HTTP/1.1\r\n", b"Accept: text/plain\r\n"),
        (b"POST /orders HTTP/1.1\r\nHost: shop\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{\r\n0\r\nTrailer: ", b"x"),
    ],
    ids=["one header", "many headers", "trailer"],
)
def test_headers_without_end_are_refused_and_delay_nobody(shared_service: Service, begin: bytes, piece: bytes) -> None:
    """The connection is closed long before 40 MB have come; liveness answers meanwhile as it did before."""
    pieces = piece * (65536 // len(piece))

    def send() -> int:
        sent = 0
        with socket.create_connection(("127.0.0.1", int(shared_service.port))) as connection:
            connection.sendall(begin)
            with contextlib.suppress(ConnectionError):
                while sent < ENDLESS_BYTES:
                    connection.sendall(pieces)
                    sent += len(pieces)
        return sent

    before = [probe(shared_service.url, "/livez") for _ in range(50)]
    with ThreadPoolExecutor(4) as pool:
        sending = [pool.submit(send) for _ in range(8)]
        meanwhile = [probe(shared_service.url, "/livez") for _ in range(50)]
    assert max(sent.result() for sent in sending) < ENDLESS_BYTES
    assert {one.status for one in meanwhile} == {200}
    assert p99_seconds(meanwhile) < max(0.1, 10 * p99_seconds(before))


def test_clients_that_hang_up_are_no_errors(service: Service) -> None:
    """In the middle of a body: a line each, no stack, and no 500 in the metrics."""
    for _ in range(20):
        with socket.create_connection(("127.0.0.1", int(service.port))) as connection:
            connection.sendall(HALF_AN_ORDER)
    answer = service.wait_for("/metrics", 'http_requests_total{method="POST",route="/orders",status="none"} 20.0')
    assert 'http_requests_total{method="POST",route="/orders",status="500"} 0.0' in answer.body
    assert service.stop() == 0
    assert [line["msg"] for line in service.lines].count("client hung up") == 20
    assert not [line for line in service.lines if line["level"] == "error" or "exception" in line]


def health_check(port: int | str) -> int:
    """Run the program of HEALTHCHECK; return its exit code."""
    command = [sys.executable, "-I", "-S", str(ROOT / "workshop_app" / "probe.py")]
    return subprocess.run(command, env={"HTTP_PORT": str(port)}, timeout=30, check=False).returncode


def test_the_health_check_asks_for_liveness_alone(shared_service: Service) -> None:
    """The service that is not ready is alive; a closed port, silence, an error and another protocol are not."""
    assert health_check(shared_service.port) == 0
    assert health_check(free_port()) == 1
    for answer in (b"", b"HTTP/1.1 503 Service Unavailable\r\n\r\n", b"SSH-2.0-OpenSSH\r\n"):
        with socket.create_server(("127.0.0.1", 0)) as server:
            if answer:
                threading.Thread(target=lambda one=server, said=answer: one.accept()[0].sendall(said)).start()
            assert health_check(server.getsockname()[1]) == 1
