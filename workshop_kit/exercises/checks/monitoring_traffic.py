"""The traffic that the check on metrics.py sends: requests whose end is known, odd methods, and random paths."""

from __future__ import annotations

import contextlib
import random
import socket
from collections.abc import Mapping

from workshop_kit.exercises.service_trial import ORDER
from workshop_kit.exercises.trial import Trial
from workshop_kit.observe import http

SLOW_SECONDS = 1.2
HUNG_UP = 3
KNOWN: Mapping[tuple[str, str, str], int] = {
    ("POST", "/orders", "201"): 5,
    ("GET", "/orders/{order_id}", "404"): 4,
    ("POST", "/orders", "500"): 3,
    ("GET", "/orders", "200"): 1,  # the slow one
}
"""The known traffic: how many requests, by method, route and status."""
ODD_METHODS = ("COPY", "LINK", "LOCK", "MKCOL", "MOVE", "NOTIFY", "PROPFIND", "PURGE", "REPORT", "SEARCH", "UNLOCK")
PIPELINED = 50


def send_known(tried: Trial, port: int) -> None:
    """Send the known traffic, and the clients that hang up."""
    for _ in range(KNOWN["POST", "/orders", "201"]):
        tried.post("/orders", ORDER)
    for number in range(KNOWN["GET", "/orders/{order_id}", "404"]):
        tried.get(f"/orders/nobody-{number}")
    tried.put("/admin/faults/errors", {"share": 1})
    for _ in range(KNOWN["POST", "/orders", "500"]):
        tried.post("/orders", ORDER)
    http.request("DELETE", f"http://127.0.0.1:{port}/admin/faults/errors")
    tried.put("/admin/faults/latency", {"ms": SLOW_SECONDS * 1000})
    tried.get("/orders", within_seconds=SLOW_SECONDS + 3)
    http.request("DELETE", f"http://127.0.0.1:{port}/admin/faults/latency")
    for _ in range(HUNG_UP):
        with tried.underway("/orders", ORDER):
            pass  # it leaves before the rest of its order is sent


def send_odd_methods(port: int) -> None:
    """Ask with methods that no route has."""
    for method in ODD_METHODS:
        http.request(method, f"http://127.0.0.1:{port}/orders")


def ask_strangers(port: int, count: int, seed: int) -> None:
    """Ask for random paths on one connection, many before the first is answered; ends early if it is closed."""
    chance = random.Random(f"monitoring.metrics {seed}")  # noqa: S311  # no secret
    address = ("127.0.0.1", port)
    with contextlib.suppress(OSError), socket.create_connection(address, timeout=10.0) as connection:
        for first in range(0, count, PIPELINED):
            several = min(PIPELINED, count - first)
            words = [f"{chance.randrange(16**12):012x}" for _ in range(several)]
            paths = [f"/orders/{word}" if number % 2 else f"/{word}" for number, word in enumerate(words)]
            connection.sendall(b"".join(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode() for path in paths))
            received = b""
            while received.count(b"HTTP/1.1 ") < several:
                part = connection.recv(256 * 1024)
                if not part:
                    return
                received += part
