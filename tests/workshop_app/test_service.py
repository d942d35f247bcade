"""The service as a process: it answers without databases, logs, and stops.

Wrong settings: the check of config.report. What a customer asks for, exceptions, and the id of a request: those of
logging.stdout and logging.context; health while dependencies are away: that of monitoring.deep.
"""

from __future__ import annotations

import contextlib
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from tests.workshop_app.conftest import DB_PASSWORD, REDIS_PASSWORD, SERVICE, Service, good_environ
from workshop_kit.patience import wait_for

ENDLESS_BYTES = 40 * 1024**2
HALF_AN_ORDER = b'POST /orders HTTP/1.1\r\nHost: shop\r\nContent-Length: 40\r\n\r\n{"item": "tea", '
FIRST = ["ts", "level", "logger", "caller", "msg"]


def test_the_log_is_json_lines_without_secrets(service: Service) -> None:
    """Each line is JSON, the server's too; each request has one line; an id is taken over unless it is strange.

    Probes are silent unless they fail; no password is logged, and stderr is empty.
    """
    service.ask("/livez")
    answer = service.ask("/orders/1", headers={"X-Request-ID": "order-1.first_try"})
    assert answer.headers["x-request-id"] == "order-1.first_try"
    for strange in ("a" * 65, 'x", "level": "critical', ""):
        assert len(service.ask("/livez", headers={"X-Request-ID": strange}).headers["x-request-id"]) == 32
    assert service.stop() == 0

    lines = service.lines
    assert all(list(line)[:5] == FIRST for line in lines)
    assert {"__main__", "middleware", "uvicorn.error"} <= {line["logger"] for line in lines}
    of_requests = [line for line in lines if line["msg"] == "request"]
    assert {line["level"] for line in of_requests} == {"warning"}
    (order,) = [line for line in of_requests if line["route"] != "/readyz"]
    assert (order["route"], order["path"], order["status"]) == ("/orders/{order_id}", "/orders/1", 503)
    assert {"replica_db_ms", "redis_ms"} <= order.keys()
    assert order["duration_ms"] >= order["master_db_ms"] >= 0
    assert [line["msg"] for line in lines if line.get("request_id") == "order-1.first_try"] == [
        "cache not available",
        "replica not available",
        "dependency not available",
        "request",
    ]
    assert "draining" in [line["msg"] for line in lines]
    assert service.errors == ""
    assert DB_PASSWORD not in service.output
    assert REDIS_PASSWORD not in service.output


def catches_sigterm(pid: int) -> bool:
    """Whether a process has a handler of SIGTERM."""
    status = Path(f"/proc/{pid}/status").read_text()
    (caught,) = [line.split()[1] for line in status.splitlines() if line.startswith("SigCgt:")]
    return bool(int(caught, 16) >> (signal.SIGTERM - 1) & 1)


@pytest.mark.skipif(sys.platform != "linux", reason="asks /proc")
def test_a_stop_during_the_start_is_no_failure(tmp_path: Path) -> None:
    """Its first lines take SIGTERM: what is imported after them takes a second."""
    service = Service(good_environ(), tmp_path)
    try:
        assert wait_for(lambda: catches_sigterm(service.process.pid), 60)
        assert service.stop() == 0
        assert service.errors == ""
    finally:
        service.process.kill()


def test_headers_without_end_are_refused(shared_service: Service) -> None:
    """The connection is closed long before 40 MB have come; the service lives on."""
    sent = 0
    with socket.create_connection(("127.0.0.1", int(shared_service.port))) as connection:
        connection.sendall(b"GET /livez HTTP/1.1\r\nCookie: ")
        with contextlib.suppress(ConnectionError):
            while sent < ENDLESS_BYTES:
                connection.sendall(b"x" * 65536)
                sent += 65536
    assert sent < ENDLESS_BYTES
    assert shared_service.ask("/livez").status == 200


def test_clients_that_hang_up_are_no_errors(service: Service) -> None:
    """In the middle of a body: a line each, no stack, and no 500 in the metrics."""
    for _ in range(20):
        with socket.create_connection(("127.0.0.1", int(service.port))) as connection:
            connection.sendall(HALF_AN_ORDER)
    answer = service.wait_for("/metrics", 'http_requests_total{method="POST",route="/orders",status="499"} 20.0')
    assert 'http_requests_total{method="POST",route="/orders",status="500"} 0.0' in answer.body
    assert service.stop() == 0
    assert [line.get("status") for line in service.lines].count(499) == 20
    assert "error" not in {line["level"] for line in service.lines}
    assert "stack" not in set().union(*service.lines)


def health_check(port: int | str) -> int:
    """Run the program of HEALTHCHECK; return its exit code."""
    command = [sys.executable, "-I", "-S", str(SERVICE / "probe.py")]
    return subprocess.run(command, env={"HTTP_PORT": str(port)}, timeout=30, check=False).returncode


def send_once(server: socket.socket, answer: bytes) -> None:
    """Accept a connection, and send these bytes whatever it asks."""
    connection, _ = server.accept()
    connection.sendall(answer)


def test_the_health_check_asks_for_liveness_alone(shared_service: Service) -> None:
    """The service that is not ready is alive; another protocol is no answer."""
    assert health_check(shared_service.port) == 0
    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=send_once, args=(server, b"SSH-2.0-OpenSSH\r\n")).start()
        assert health_check(server.getsockname()[1]) == 1
