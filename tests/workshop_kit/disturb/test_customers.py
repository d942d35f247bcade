"""Customers between two copies: none is lost while nobody leaves, and the one who leaves without a word loses some."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from workshop_kit.disturb.customers import COLUMNS, Customers

PATIENCE_SECONDS = 60.0


class Shop(ThreadingHTTPServer):
    """A shop that is ready, or not, and answers orders with a status."""

    ready, status = True, 200

    @property
    def url(self) -> str:
        """Where it is."""
        return f"http://127.0.0.1:{self.server_address[1]}"


class Counter(BaseHTTPRequestHandler):
    """What a shop says."""

    server: Shop

    def do_GET(self) -> None:
        """Answer as the shop is."""
        readyz = self.path == "/readyz"
        self.send_response((200 if self.server.ready else 503) if readyz else self.server.status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def shops() -> Iterator[tuple[Shop, Shop]]:
    """Two of them."""
    pair = Shop(("127.0.0.1", 0), Counter), Shop(("127.0.0.1", 0), Counter)
    for shop in pair:
        threading.Thread(target=shop.serve_forever, daemon=True).start()
    yield pair
    for shop in pair:
        shop.shutdown()
        shop.server_close()


def wait_for(holds: Callable[[], bool]) -> None:
    """Wait until something holds."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_everybody_is_served_in_turn(shops: tuple[Shop, Shop]) -> None:
    """Both copies get customers, and each request is a row."""
    with Customers([shop.url for shop in shops]) as sent:
        wait_for(lambda: len(sent.requests) > 10)
    assert list(sent.requests.columns) == COLUMNS
    assert set(sent.requests.url) == {shop.url for shop in shops}
    assert sent.requests.time.is_monotonic_increasing
    assert sent.lost.empty


def test_who_is_not_ready_gets_nobody(shops: tuple[Shop, Shop]) -> None:
    """The balancer sends nobody to a copy that says 503; while none is ready, nobody is sent anywhere."""
    first, second = shops
    first.ready = False
    with Customers([first.url, second.url], look_seconds=0.05) as sent:
        wait_for(lambda: len(sent.requests) > 0)
        second.ready = False
        wait_for(lambda: not sent._ready)
        looks, served = sent._looks, len(sent.requests)
        wait_for(lambda: sent._looks > looks + 5)
        assert len(sent.requests) <= served + sent.at_once  # those who were on the way
    assert set(sent.requests.url) == {second.url}


def test_who_leaves_without_a_word_loses_customers(shops: tuple[Shop, Shop]) -> None:
    """Nobody listens any more, and the balancer does not know it yet; a 503 is lost, too, and a 404 is an answer."""
    first, second = shops
    second.status = 404
    with Customers([first.url, second.url], look_seconds=60) as sent:
        wait_for(lambda: len(sent.requests) > 4)
        assert (sent.requests.error == "").all()
        first.shutdown()
        first.server_close()
        wait_for(lambda: set(sent.requests.error) > {""})
    assert set(sent.lost.url) == {first.url}
    assert set(sent.lost.error) <= {"ConnectionRefusedError", "ConnectionResetError"}
    second.status = 503
    with Customers([second.url]) as sent:
        wait_for(lambda: len(sent.requests) > 0)
    assert len(sent.lost) == len(sent.requests) > 0
