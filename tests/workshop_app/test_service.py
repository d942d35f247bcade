"""The service as a process: it refuses settings, answers without databases, logs, and stops.

What a customer asks for, exceptions, and the id of a request: the checks of logging.stdout and logging.context; health
while dependencies are away: that of monitoring.deep.
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


def test_wrong_settings_are_refused_in_one_line(tmp_path: Path) -> None:
    """It names each variable that is wrong, and ends with exit code 1, before it listens."""
    wrong = {"MASTER_DB_PORT": "canary", "LOG_LEVEL": "loud", "REDIS_HSOT": "redis"}
    environ = {name: value for name, value in good_environ().items() if name != "REDIS_HOST"}
    service = Service(environ | wrong, tmp_path)
    assert service.wait() == 1
    (line,) = service.lines
    assert (line["level"], line["msg"]) == ("error", "configuration refused")
    assert [sentence.partition(":")[0] for sentence in line["problems"]] == [
        "REDIS_HSOT",
        "LOG_LEVEL",
        "MASTER_DB_PORT",
        "REDIS_HOST",
    ]
    assert "canary" not in service.output
    assert service.errors == ""


def test_the_log_is_json_lines_without_secrets(service: Service) -> None:
    """Each line is JSON, the server's too; each request has one line, and its id in all its lines.

    The path is data; probes are silent unless they fail; no password is logged, and stderr is empty.
    """
    service.ask("/livez")
    service.ask('/no/such%0A{"level":%20"critical"}')
    answer = service.ask("/orders/1", headers={"X-Request-ID": "order-1.first_try"})
    assert answer.headers["x-request-id"] == "order-1.first_try"
    for strange in ("a" * 65, 'x", "level": "critical', ""):
        assert len(service.ask("/livez", headers={"X-Request-ID": strange}).headers["x-request-id"]) == 32
    assert service.stop() == 0

    lines = service.lines
    assert all(list(line)[:5] == FIRST for line in lines)
    assert {"__main__", "middleware", "uvicorn.error"} <= {line["logger"] for line in lines}
    of_requests = [line for line in lines if line["msg"] == "request"]
    requests = [line for line in of_requests if line["route"] != "/readyz"]
    assert [(line["route"], line["path"], line["status"], line["level"]) for line in requests] == [
        ("unmatched", '/no/such\n{"level": "critical"}', 404, "info"),
        ("/orders/{order_id}", "/orders/1", 503, "warning"),
    ]
    assert {"master_db_ms", "replica_db_ms", "redis_ms"} <= requests[1].keys()
    assert requests[1]["duration_ms"] >= requests[1]["master_db_ms"] >= 0
    assert {line["level"] for line in lines if line.get("route") == "/readyz"} == {"warning"}
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
    assert [line for line in service.lines if line["level"] == "error"] == []
    assert [line for line in service.lines if "stack" in line] == []


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
