"""Customers and their load balancer, with services that are ready, not ready, slow, or do not run."""

from __future__ import annotations

import http.server
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import pytest

from workshop_kit.gameday import signals
from workshop_kit.gameday.customers import FULL, NOBODY, TURNED_AWAY, Customers

PATIENCE_SECONDS = 20


@contextmanager
def door(ready: int = 200, answer: int = 200, seconds: float = 0.0) -> Iterator[str]:
    """A service: its status for the balancer, and its status and delay for customers."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            if self.path != "/readyz":
                time.sleep(seconds)
            self.send_response(ready if self.path == "/readyz" else answer)
            self.send_header("Content-Length", "0")
            self.end_headers()

        do_POST = do_GET

        def log_message(self, *_: object) -> None:
            """Quiet."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


def outcome_of(url: str | None, visits: int = 8) -> tuple[int, int, str]:
    """How many came, how many were served in time, and the errors of the others."""
    customers = Customers({"shop": lambda: url}, rate_per_second=20).start()
    deadline = time.monotonic() + PATIENCE_SECONDS
    while len(customers.visits) < visits and time.monotonic() < deadline:
        time.sleep(0.05)
    customers.stop()
    came, served = signals.counted(customers.since(datetime.now(UTC) - timedelta(minutes=5)))
    table = customers.table()
    assert len(table) == came == len(customers.visits)
    assert table["good"].sum() == served
    errors = table["error"].where(table["error"] != "", table["status"].astype(str))
    return came, served, ", ".join(sorted(errors[~table["good"]].unique()))


def test_a_ready_service_serves_all() -> None:
    """No request fails; a busy machine may turn some away."""
    with door() as url:
        came, served, others = outcome_of(url)
    assert 0 < served <= came
    assert others in {"", FULL}


@pytest.mark.parametrize(
    ("settings", "why"),
    [
        ({"ready": 503}, TURNED_AWAY),
        ({"answer": 500}, "500"),
        ({"seconds": 1.2}, "200, turned away: too many inside"),
    ],
)
def test_a_customer_who_is_not_served_has_a_reason(settings: dict[str, float], why: str) -> None:
    """Turned away by the balancer, refused by the service, or served too late. A busy machine has a second reason."""
    with door(**settings) as url:  # type: ignore[arg-type]
        came, served, others = outcome_of(url)
    assert came
    assert served == 0
    assert others.startswith(why)


def test_a_service_that_does_not_run_serves_no_customer() -> None:
    """It has no address."""
    came, served, others = outcome_of(None)
    assert came
    assert (served, others) == (0, NOBODY)
