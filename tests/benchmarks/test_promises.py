"""What `./workshop bench promises` concludes: from orders and rows, from lines, from probes. None needs an engine.

The trials themselves run with the benchmark alone.
"""

from __future__ import annotations

import base64
import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from http.server import ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from benchmarks import _verdicts, promises
from benchmarks._customers import CUSTOMERS, customers, pause_until_the_limit
from benchmarks._rows import Row
from benchmarks._verdicts import Order, Promise, SentRequest
from tests.http_server import QuietHandler, serving
from tests.waiting import wait_until
from workshop_kit.errors import Exit
from workshop_kit.observe.http import Answer

# One of so many orders is lost, doubled, or kept without an answer by the false shop.
LOST_EVERY = 7
DOUBLED_EVERY = 11
CUT_EVERY = 13


class FalseShop(ThreadingHTTPServer):
    """A shop that says 201 and lies: it loses some orders, doubles some, and hangs up on some that it keeps."""

    daemon_threads = True
    request_queue_size = 10 * CUSTOMERS
    """By default it refuses the sixth customer who comes at once."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), FalseHandler)
        self.sent: list[str] = []
        self.rows: Counter[str] = Counter()
        self.cut_off: list[str] = []

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.server_address[1]}"


class FalseHandler(QuietHandler):
    """Takes an order, by its number."""

    server: FalseShop

    def do_POST(self) -> None:
        """Keep the order no times, once, or twice."""
        item = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["item"]
        number = int(item.rpartition("-")[2])
        self.server.sent.append(item)
        if number % CUT_EVERY == 0:
            self.server.cut_off.append(item)
            self.server.rows[item] = 1
            self.close_connection = True
            return
        if number % LOST_EVERY:
            self.server.rows[item] = 2 if number % DOUBLED_EVERY == 0 else 1
        self.send_response(201)
        self.send_header("Content-Length", "0")
        self.end_headers()


@pytest.fixture
def shop() -> Iterator[FalseShop]:
    """A running shop."""
    with serving(FalseShop()) as shop:
        yield shop


def test_customers_find_what_a_shop_loses_and_doubles(shop: FalseShop) -> None:
    """Each order is sent once, also where no answer comes; the items that were lost and doubled are named exactly."""
    with customers("tea", lambda: shop.url) as orders:
        wait_until(lambda: len(orders) >= 10 * CUSTOMERS)

    assert sorted(shop.sent) == sorted(order.item for order in orders)
    assert len(set(shop.sent)) == len(shop.sent)
    assert {order.item for order in orders if order.status is None} == set(shop.cut_off)
    assert shop.cut_off

    answered = [order.item for order in orders if order.status == 201]
    gone = {item for item in answered if item not in shop.rows}
    twice = {item for item, count in shop.rows.items() if count == 2}
    assert set(_verdicts.lost_items(orders, shop.rows)) == gone != set()
    assert set(_verdicts.doubled_items(orders, shop.rows)) == twice != set()


def test_a_refused_order_is_neither_lost_nor_wrong_to_have() -> None:
    """After a 503, or without an answer, an order may be there or not; two rows are too many after any answer."""
    orders = [Order("a", 503), Order("b", None), Order("c", 503), Order("d", None), Order("e", 201)]
    rows = {"a": 1, "d": 2, "e": 1}
    assert _verdicts.lost_items(orders, rows) == []
    assert _verdicts.doubled_items(orders, rows) == ["d"]


@pytest.mark.parametrize(
    "output",
    [
        "",
        "tea-1\t1\n",
        "tea-1\t1\ntotal\t2\n",
        "tea-1\t1\ntotal\t",
        "ERROR 2002 (HY000): Can't connect to local server\n",
    ],
    ids=["nothing", "no total", "a row is missing", "cut", "an error"],
)
def test_an_incomplete_answer_of_the_database_counts_nothing(output: str) -> None:
    """Else each order without a line would be lost."""
    assert _verdicts.rows_by_item(output) is None
    assert _verdicts.rows_by_item("tea-1\t1\ntea-2\t1\ntotal\t2\n") == {"tea-1": 1, "tea-2": 1}
    assert _verdicts.rows_by_item("total\t0\n") == {}


READ = SentRequest("id-1", "GET", "/orders/901", status=404, answered_id="id-1")
PLACED = SentRequest("id-2", "POST", "/orders", quantity=8, status=201, answered_id="id-2")


def line(request: SentRequest, msg: str = "request", **fields: Any) -> dict[str, Any]:
    """A line of a request, as the service writes it."""
    own: dict[str, Any] = {"quantity": request.quantity}
    if msg == "request":
        own = {"method": request.method, "path": request.path, "status": request.status}
    return {"msg": msg, "request_id": request.request_id, **own, **fields}


LINES = [line(READ), line(READ, "cache not available"), line(PLACED, "order placed"), line(PLACED)]


def test_own_lines_are_not_mixed() -> None:
    """Also beside lines without an id, of a probe, and of a library, which may come twice."""
    other_lines = [{"msg": "draining"}, {"msg": "request", "request_id": "probe", "path": "/readyz"}]
    of_a_library = {"msg": "Exception terminating connection", "request_id": "id-1"}
    assert _verdicts.mixed_ids([READ, PLACED], [*LINES, *other_lines, of_a_library, of_a_library]) == []


@pytest.mark.parametrize(
    ("lines", "wrong"),
    [
        ([], ["id-1", "id-2"]),
        (LINES[1:], ["id-1"]),
        ([*LINES, line(READ, "cache not available")], ["id-1"]),
        ([*LINES, line(READ, "order placed", quantity=9)], ["id-1"]),
        ([line(READ, path="/orders/902"), *LINES[1:]], ["id-1"]),
        ([*LINES[:2], line(PLACED, "order placed", quantity=9), line(PLACED)], ["id-2"]),
        ([*LINES[:2], line(PLACED)], ["id-2"]),
        (
            [line(READ, request_id="id-2"), line(PLACED, "order placed"), line(PLACED, request_id="id-1")],
            ["id-1", "id-2"],
        ),
    ],
    ids=[
        "no lines",
        "no request",
        "a line too many",
        "an order of another",
        "a path of another",
        "a quantity of another",
        "no order",
        "two exchanged",
    ],
)
def test_mixed_lines_are_found(lines: list[dict[str, Any]], wrong: list[str]) -> None:
    """By the path and the status of the request, the quantity of the order, and the number of lines."""
    assert _verdicts.mixed_ids([READ, PLACED], lines) == wrong


def test_an_answer_with_the_id_of_another_is_mixed() -> None:
    """And so is a request without an answer: it has no line of its own status."""
    assert _verdicts.mixed_ids([replace(READ, answered_id="id-2"), PLACED], LINES) == ["id-1"]
    assert _verdicts.mixed_ids([replace(READ, status=None, answered_id=None)], LINES) == ["id-1"]


SECRETS = {"database": "Ab3dEf+/Gh1jKl+/Mn0pQr", "cache": "zY9xWv+/uT8sRq+/pO7nMl"}


@pytest.mark.parametrize(
    "text",
    [
        "password Ab3dEf+/Gh1jKl+/Mn0pQr is wrong",
        "Gh1jKl...",
        "f+/Gh1 is no number",
        base64.b64encode(b"user:Ab3dEf+/Gh1jKl+/Mn0pQr").decode(),
        b"Gh1jKl".hex(),
    ],
    ids=["whole", "six characters", "across a separator", "base64", "hex"],
)
def test_parts_of_secrets_are_found_in_lines(text: str) -> None:
    """A line counts once, with the names of the secrets and without a value."""
    lines = [b'{"msg": "request"}', text.encode(), f"{text} zY9xWv".encode()]
    assert _verdicts.leaking_lines(SECRETS, lines) == ["database", "cache, database"]


def test_less_than_six_characters_are_no_leak() -> None:
    """Five letters that a secret has, too, are chance."""
    assert _verdicts.leaking_lines(SECRETS, [b"Ab3dE Gh1jK", b"", b'{"user": "orders"}']) == []


STATISTICS = """# pxname,svname,status,
customers,FRONTEND,OPEN,
service,aaa,UP,
service,bbb,DOWN,
service,ccc,MAINT (resolution),
unready,bbb,no check,
unready,ddd,UP,
"""


def test_only_a_checked_copy_is_up() -> None:
    """HAProxy names each copy twice: once checked, and once for the time when none is ready."""
    assert _verdicts.servers_up(STATISTICS) == {"aaa"}


def answers(**seconds_of: list[float]) -> dict[str, list[Answer]]:
    """The answers of probes in a fault, true ones, by path."""
    by_path = {}
    for path, status in promises.TRUE_STATUS.items():
        by_path[path] = [Answer(status, seconds) for seconds in seconds_of[path.removeprefix("/")]]
    return by_path


def test_the_worst_fault_decides() -> None:
    """One slow deep probe in one fault breaks the promise; of liveness the 99th percentile counts, by fault."""
    quick = answers(health=[0.8] * 3, readyz=[0.8] * 3, livez=[0.01] * 200)
    one_slow_livez = answers(health=[0.8], readyz=[0.9], livez=[0.01] * 199 + [3.0])
    deep, live = promises.judge_times("here", {"paused": quick, "refusing": one_slow_livez})
    assert (deep.row.ours, deep.row.runs, deep.is_kept) == (0.9, 8, True)
    assert (live.row.ours, live.row.runs, live.is_kept) == (0.01, 400, True)

    slow = answers(health=[0.8, 1.01], readyz=[0.8], livez=[0.01] * 97 + [0.2] * 3)
    deep, live = promises.judge_times("here", {"paused": quick, "reset": slow})
    assert (deep.row.ours, deep.is_kept) == (1.01, False)
    assert (live.row.ours, live.is_kept) == (0.2, False)
    assert "reset" in live.details


def test_a_false_answer_is_counted() -> None:
    """200 of /health in a fault, and a probe without an answer."""
    by_path = answers(health=[0.1], readyz=[0.1], livez=[0.1])
    by_path["/health"].append(Answer(200))
    by_path["/livez"].append(Answer(None, error="no answer within 40 s"))
    promise = promises.judge_statuses("here", [("paused", by_path)])
    assert (promise.row.ours, promise.row.runs, promise.is_kept) == (2, 5, False)
    assert promise.details == "paused: /health 200, paused: /livez no answer within 40 s"


def test_waiting_customers_send_an_order_in_each_limit() -> None:
    """One that was refused at once waits; one that waited for the whole limit does not."""
    assert pause_until_the_limit(Answer(503, 0.1)) == pytest.approx(1.4)
    assert pause_until_the_limit(Answer(503, 1.6)) == 0.0


def test_a_broken_promise_is_said_and_fails(capsys: pytest.CaptureFixture[str]) -> None:
    """The sentence has the value, what was promised, and what was found; a kept one says nothing."""
    kept = Promise(Row("orders lost", 0, 2000, "0", taken="all", unit="orders"))
    assert promises.say_broken([kept]) == Exit.GOOD
    assert capsys.readouterr().err == ""

    broken = promises.zero_promise("orders lost", ["kill-4", "kill-9"], 2000, "orders")
    assert promises.say_broken([kept, broken]) == Exit.NOT_GOOD
    assert capsys.readouterr().err == "Not kept: orders lost: 2 orders, promised: 0. Found: kill-4, kill-9.\n"


def test_without_an_engine_it_says_one_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """With the next step, no traceback, no row, and the exit code of a machine that is not ready."""
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/nothing.sock")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with pytest.raises(SystemExit) as ended:
        promises.main()
    assert ended.value.code == Exit.NOT_READY
    output = capsys.readouterr()
    assert output.out == ""
    assert output.err.startswith("No Docker engine: there is no socket at ")
    assert output.err.count("\n") == 1
