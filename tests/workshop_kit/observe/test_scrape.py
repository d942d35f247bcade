"""Exchanges with servers that misbehave end in time; scrapes and the engine's lists become the watcher's rows."""

from __future__ import annotations

import json
import re
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.workshop_kit.display.recorded import NOON, at
from workshop_kit.observe import http
from workshop_kit.observe.http import Answer
from workshop_kit.observe.scrape import (
    Counters,
    dependency_health,
    parse_counters,
    probe_health,
    scrape,
    traffic_between,
)
from workshop_kit.observe.watcher import WatchTarget, url_of

Serve = Callable[[Callable[[socket.socket], None]], str]
OK = b"HTTP/1.1 200 OK\r\n"


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Start a server that hands its first connection, with the request read, to a function; return the URL."""
    listeners: list[socket.socket] = []

    def start(behave: Callable[[socket.socket], None]) -> str:
        listener = socket.create_server(("127.0.0.1", 0))
        listeners.append(listener)

        def once() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.recv(65536)
                behave(connection)

        threading.Thread(target=once, daemon=True).start()
        return f"http://127.0.0.1:{listener.getsockname()[1]}/"

    yield start
    for listener in listeners:
        listener.close()


@pytest.mark.parametrize(
    ("behave", "failure"),
    [
        pytest.param(lambda connection: None, http.CLOSED, id="hangs up"),
        pytest.param(
            lambda connection: connection.sendall(OK + b"Content-Length: 9\r\n\r\nhi"),
            http.CUT_OFF,
            id="breaks off",
        ),
        pytest.param(lambda connection: connection.sendall(b"220 mail\r\n\r\n"), http.NOT_HTTP, id="no HTTP"),
        pytest.param(lambda connection: time.sleep(2), "no answer within 0.5 s", id="silence"),
        pytest.param(lambda connection: connection.sendall(OK + b"\r\n" + b"x" * 1_999_999), http.TOO_LARGE, id="much"),
    ],
)
def test_what_is_no_answer_is_a_failure_in_words_and_in_time(
    serve: Serve, behave: Callable[[socket.socket], None], failure: str
) -> None:
    """Hung up, broken off, something else, nothing, or too much."""
    started = time.monotonic()
    answer = http.get(serve(behave), timeout_seconds=0.5)
    assert (answer.status, str(answer)) == (None, failure)
    assert time.monotonic() - started < 2.5


COMPOSE = "com.docker.compose"
TEXT = """# TYPE http_requests_total counter
http_requests_total{method="GET",route="/orders",status="200"} 100.0
http_requests_total{method="POST",route="/orders",status="503"} 10.0
http_requests_total{method="GET",route="/orders/{order_id}",status="404"} 4.0
http_requests_total{method="GET",route="/orders",status="499"} 1.0
http_requests_total{method="GET",route="/health",status="503"} 5000.0
# TYPE http_request_duration_seconds histogram
http_request_duration_seconds_bucket{le="0.01",route="/orders"} 60.0
http_request_duration_seconds_bucket{le="0.1",route="/orders"} 100.0
http_request_duration_seconds_bucket{le="+Inf",route="/orders"} 110.0
http_request_duration_seconds_bucket{le="+Inf",route="/livez"} 9000.0
process_start_time_seconds 1.7e+09
"""


def counters(*changes: tuple[str, float], seconds: float = 2) -> Counters:
    """Return the counters of the text some seconds after noon, with other numbers behind some of its words."""
    text = TEXT
    for words, value in changes:
        text = re.sub(rf"(?m)^(.*{re.escape(words)}.*) \S+$", rf"\1 {value}", text)
    parsed = parse_counters(text, at(seconds))
    assert parsed is not None
    return parsed


FIRST = counters(seconds=0)


def test_traffic_is_the_increase_between_two_scrapes() -> None:
    """40 more requests in 2 s: 10 failed (5 whose client hung up), 6 were refused; probes do not count.

    Ten new ones took between 10 and 100 ms: the median is in the middle of that bucket.
    """
    now = counters(('"200"', 124), ("POST", 15), ('"404"', 10), ('"499"', 6), ('"/health"', 9000))
    row = traffic_between(FIRST, now, "service")
    assert (row.requests_per_second, row.errors_per_second, row.refused_per_second) == (20, 5, 3)
    assert row.error_percent == 25
    row = traffic_between(FIRST, counters(('le="0.1"', 110), ('le="+Inf",route="/orders"', 120)), "service")
    assert row.p50_ms == pytest.approx(55)
    assert row.p99_ms == pytest.approx(99.1)


def test_a_restart_is_neither_a_spike_nor_negative() -> None:
    """A restarted process counts from zero, even where it has already counted further than the one before."""
    row = traffic_between(FIRST, counters(('"200"', 140), ("process", 1.8e9)), "service")
    assert row.requests_per_second == (140 + 10 + 4 + 1) / 2
    row = traffic_between(FIRST, counters(('"200"', 6)), "service")  # without a start time
    assert row.requests_per_second == 3


def answer(status: int | None, body: Any = None) -> Answer:
    """Return an answer with a JSON body."""
    return Answer(status, 0.0123, json.dumps(body))


def test_the_status_decides() -> None:
    """As it does for an orchestrator; a body that contradicts it is quoted, its control characters escaped."""
    answers = [
        answer(200, {"status": "warn"}),
        answer(200, "I am fine!"),
        answer(503, {"status": "pass"}),
        answer(None),
    ]
    states = [probe_health(answer, "/health", "service", NOON).state for answer in answers]
    assert states == ["warn", "pass", "fail", "no answer"]
    contradiction = answer(200, {"status": "fail", "away": {"redis": "no answer from redis\x1b[31m"}})
    row = probe_health(contradiction, "/health", "s", NOON)
    assert (row.state, row.detail) == ("pass", "says fail with 200. no answer from redis\\x1b[31m")


UP = 'dependency_up{dependency="master-db"} 1.0\ndependency_up{dependency="redis"} 1.0\n'


def test_dependencies_are_named_by_the_metrics_and_judged_by_health() -> None:
    """The metrics may be a moment older than the answer. Without metrics, those that are away are known."""
    away = answer(503, {"status": "fail", "away": {"redis": "no answer from redis"}})
    rows = dependency_health(away, Answer(200, body=UP), "service", NOON)
    states = [(row.what, row.state, row.detail) for row in rows]
    assert states == [("master-db", "pass", ""), ("redis", "fail", "no answer from redis")]

    rows = dependency_health(away, Answer(404), "service", NOON)
    assert [(row.what, row.state) for row in rows] == [("redis", "fail")]
    assert dependency_health(answer(200, "I am fine!"), Answer(200, body=UP), "service", NOON) == []


def test_a_hostile_answer_is_a_row_of_text() -> None:
    """Whatever stands in the answer, the rows have visible text."""
    (row,) = dependency_health(answer(200, {"away": {"x\x1b[2J": {"a": 1}}}), Answer(404), "service", NOON)
    assert (row.what + row.detail).isprintable()


def listed(identifier: str, state: str = "running", port: int | None = 32768, created: int = 1, **more: Any) -> Any:
    """A container as the engine lists it."""
    ports = [{"PrivatePort": 9000, "Type": "tcp"}]
    ports += [{"PrivatePort": 8080, "PublicPort": port, "Type": "tcp", "IP": "127.0.0.1"}] if port else []
    labels = {f"{COMPOSE}.project": "p", f"{COMPOSE}.service": "service"}
    container = {"Id": identifier, "State": state, "Created": created, "Labels": labels, "Ports": ports}
    return {**container, "Names": ["/p-s-1"], **more}


def test_a_service_is_followed_to_its_new_container_and_port() -> None:
    """The one that runs wins over the newer one that does not; one that was replaced is forgotten."""
    target = WatchTarget("service", "p", "service")
    before = target.find([listed("a", port=1), listed("x", Labels={})])
    after = target.find(
        [listed("a", "exited", None, 1), listed("b", port=2, created=5), listed("c", "created", None, 9)]
    )
    assert before is not None
    assert after is not None
    assert (before["Id"], url_of(before)) == ("a", "http://127.0.0.1:1")
    assert (after["Id"], url_of(after)) == ("b", "http://127.0.0.1:2")
    assert target.find([]) is None


def test_a_scrape_of_a_closed_port_is_refused() -> None:
    """It is no silence: the probes say so."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    with ThreadPoolExecutor() as pool:
        _, health, _ = scrape(pool, url, "service", None)
    assert {row.state for row in health} == {"refused"}
