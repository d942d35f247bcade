"""The service as a process: refusal to start, answers without databases, logs, and stop."""

from __future__ import annotations

import contextlib
import json
import signal
import socket
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.workshop_app.conftest import DB_PASSWORD, REDIS_PASSWORD, Service
from tests.workshop_app.probes import p99_seconds, probe

Start = Callable[..., Service]

ENDLESS_BYTES = 40 * 1024**2
HALF_AN_ORDER = b'POST /orders HTTP/1.1\r\nHost: shop\r\nContent-Length: 40\r\n\r\n{"item": "tea", '


@pytest.fixture
def service(start_service: Start, environ: dict[str, str]) -> Service:
    """The started service; no server listens at the addresses of its dependencies."""
    running = start_service(environ)
    running.wait_for("/readyz", lambda answer: b"no answer from" in answer.body)
    return running


def test_refuses_a_bad_configuration_in_one_line(start_service: Start, environ: dict[str, str]) -> None:
    """Exit 1, one JSON line, every variable that is wrong, no value."""
    del environ["MASTER_DB_NAME"], environ["REDIS_HOST"]
    service = start_service(environ | {"HTTP_PORT": "80o0", "MASTER_DB_PASSWORD_FILE": "/x"})
    assert service.wait() == 1
    (line,) = service.lines
    assert (line["level"], line["msg"]) == ("error", "configuration refused")
    assert [problem["variable"] for problem in line["problems"]] == [
        "MASTER_DB_NAME",
        "MASTER_DB_PASSWORD",
        "REDIS_HOST",
        "HTTP_PORT",
    ]
    assert all(set(problem) == {"variable", "purpose", "wrong"} for problem in line["problems"])
    assert "canary" not in json.dumps(line)
    assert "80o0" not in json.dumps(line)
    assert service.errors == []


def test_port_taken(start_service: Start, environ: dict[str, str]) -> None:
    """An exit code, and a line with the address."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        service = start_service(environ | {"HTTP_PORT": str(taken.getsockname()[1])})
        assert service.wait() != 0
        assert any(line["level"] == "error" and "address already in use" in line["msg"] for line in service.lines)


def test_alive_but_not_ready_without_dependencies(shared_service: Service) -> None:
    """Alive, not ready; orders are refused with 503 and without the reason."""
    service = shared_service
    assert service.ask("/livez").status == 200
    answers = [
        service.ask("/readyz"),
        service.ask("/health"),
        service.ask("/orders"),
        service.ask("/orders/1"),
        service.ask("/orders", "POST", b'{"item": "tea", "quantity": 1}'),
    ]
    assert [answer.status for answer in answers] == [503] * 5
    assert answers[0].json["output"] == "no answer from master-db, no answer from replica-db, no answer from redis"
    for answer in answers[2:]:
        assert set(answer.json) == {"error"}
        assert answer.headers["retry-after"] == "1"
    for answer in answers:
        for inner in (b"127.0.0.1", b"Connect", b"Error", b"sql"):
            assert inner not in answer.body


@pytest.mark.parametrize(
    ("body", "status", "words"),
    [
        (b"{", 400, "not JSON"),
        (b'{"item": NaN}', 400, "not JSON"),
        (b"[" * 10_000, 400, "not JSON"),
        (b"null", 422, "not accepted"),
        (b"{}", 422, "item: field required; quantity: field required"),
        (b'{"item": "tea", "quantity": -1}', 422, "quantity: input should be greater than or equal to 1"),
        (b'{"item": "tea", "quantity": "2"}', 422, "quantity"),
        (b'{"item": "tea", "quantity": 99999999999999999999}', 422, "quantity"),
        (b'{"item": "' + b"x" * 101 + b'", "quantity": 1}', 422, "item"),
        (b'{"item": "tea", "quantity": 1, "price": 0}', 422, "price: extra inputs are not permitted"),
        (b'{"item": "' + b"x" * 20_000 + b'"}', 413, "at most 16384 bytes"),
    ],
    ids=range(11),
)
def test_bad_orders_are_refused_in_a_sentence(shared_service: Service, body: bytes, status: int, words: str) -> None:
    """The mistake is named before a database is asked."""
    answer = shared_service.ask("/orders", "POST", body)
    assert answer.status == status
    assert words in answer.json["error"]
    assert answer.json["error"].endswith(".")


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/", 404),
        ("GET", "/orders/first", 404),
        ("GET", "/orders/" + "9" * 5_000, 404),
        ("GET", "/orders/9223372036854775808", 404),
        ("GET", "/orders?limit=101", 422),
        ("GET", "/orders?limit=many", 422),
        ("DELETE", "/orders", 405),
    ],
)
def test_bad_paths_are_refused_in_json(shared_service: Service, method: str, path: str, status: int) -> None:
    """Unknown, malformed, too large, wrong method: JSON, and never a 500."""
    answer = shared_service.ask(path, method)
    assert answer.status == status
    assert answer.json["error"]


def test_the_log_is_json_lines_without_secrets(service: Service) -> None:
    """Each line is JSON, the server's too; each request has one line, and its id in all its lines.

    The path is data; probes are silent unless they fail; no password is logged, and stderr is empty.
    """
    service.ask("/livez")
    service.ask("/orders/first")
    service.ask("/no/such/path")
    answer = service.ask("/orders/1", headers={"X-Request-ID": "order-1.first_try"})
    assert answer.headers["x-request-id"] == "order-1.first_try"
    assert service.stop() == 0
    lines = service.lines
    assert all(list(line)[:6] == ["ts", "level", "logger", "caller", "msg", "out"] for line in lines)
    assert {"workshop_app.main", "workshop_app.middleware", "uvicorn.error"} <= {line["logger"] for line in lines}
    requests = [line for line in lines if line["msg"] == "request" and line["route"] != "/readyz"]
    assert [(line["route"], line["path"], line["status"], line["level"]) for line in requests] == [
        ("/orders/{order_id}", "/orders/first", 404, "info"),
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
    assert "Can't connect" in json.dumps(lines)
    assert service.errors == []
    output = b"".join(service.output).decode()
    assert DB_PASSWORD not in output
    assert REDIS_PASSWORD not in output


@pytest.mark.parametrize("given", ["a" * 65, 'x", "level": "critical'])
def test_strange_request_id_is_replaced(shared_service: Service, given: str) -> None:
    """An invalid id is not passed on."""
    answer = shared_service.ask("/livez", headers={"X-Request-ID": given})
    assert len(answer.headers["x-request-id"]) == 32


@pytest.mark.parametrize(
    ("begin", "piece"),
    [
        (b"GET /", b"x"),
        (b"GET /livez HTTP/1.1\r\nCookie: ", b"x"),
        (b"GET /livez HTTP/1.1\r\n", b"Accept: text/plain\r\n"),
        (b"POST /orders HTTP/1.1\r\nHost: shop\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{\r\n0\r\nTrailer: ", b"x"),
    ],
    ids=["path", "one header", "many headers", "trailer"],
)
def test_headers_without_end_are_refused_and_delay_nobody(shared_service: Service, begin: bytes, piece: bytes) -> None:
    """The connection is closed long before 40 MB have come; liveness answers meanwhile as it did before."""
    url, pieces = f"http://127.0.0.1:{shared_service.port}", piece * (65536 // len(piece))

    def send() -> int:
        sent = 0
        with socket.create_connection(("127.0.0.1", shared_service.port)) as connection:
            connection.sendall(begin)
            with contextlib.suppress(ConnectionError):
                while sent < ENDLESS_BYTES:
                    connection.sendall(pieces)
                    sent += len(pieces)
        return sent

    before = [probe(url, "/livez") for _ in range(50)]
    with ThreadPoolExecutor(4) as pool:
        sending = [pool.submit(send) for _ in range(8)]
        meanwhile = [probe(url, "/livez") for _ in range(50)]
    assert max(sent.result() for sent in sending) < ENDLESS_BYTES
    assert {one.status for one in meanwhile} == {200}
    assert p99_seconds(meanwhile) < max(0.1, 10 * p99_seconds(before))


def test_clients_that_hang_up_are_no_errors(service: Service) -> None:
    """In the middle of a body: a line each, no stack, and no 500 in the metrics."""
    for _ in range(20):
        with socket.create_connection(("127.0.0.1", service.port)) as connection:
            connection.sendall(HALF_AN_ORDER)
    gone = b'http_requests_total{method="POST",route="/orders",status="none"} 20.0'
    answer = service.wait_for("/metrics", lambda answer: gone in answer.body)
    assert b'http_requests_total{method="POST",route="/orders",status="500"} 0.0' in answer.body
    assert service.stop() == 0
    assert [line["msg"] for line in service.lines].count("client hung up") == 20
    assert not [line for line in service.lines if line["level"] == "error" or "exception" in line]


def test_not_ready_while_draining_yet_serving(start_service: Start, environ: dict[str, str]) -> None:
    """After SIGTERM only readiness is 503; new requests are served, and their connections close."""
    service = start_service(environ | {"HTTP_DRAIN_SECONDS": "1.5"})
    service.wait_for("/readyz", lambda answer: b"no answer from" in answer.body)
    service.process.send_signal(signal.SIGTERM)
    answer = service.wait_for("/readyz", lambda answer: b"draining" in answer.body)
    assert answer.status == 503
    assert service.ask("/livez").status == 200
    refused = service.ask("/orders/first")
    assert (refused.status, refused.headers["connection"]) == (404, "close")
    assert service.wait() == 0
