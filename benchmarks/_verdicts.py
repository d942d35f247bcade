"""Judge what the trials of `promises` have seen: orders and their rows, requests and their lines, lines and secrets."""

from __future__ import annotations

import csv
import io
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from benchmarks._rows import Row
from workshop_kit.observe.leaks import Patterns

CREATED = 201
TOTAL = "total"
"""The name in the last line of the database's answer, which has the number of all rows."""
ONCE = ("request", "order placed", "cache not available", "replica not available", "dependency not available")
"""What a request that is no probe logs at most once: docs/settings.md."""
BACKEND = "service"
"""HAProxy's name for the copies that it checks: images/proxy/haproxy.cfg."""


@dataclass(frozen=True)
class Promise:
    """A measured row, and the most that it may be; ``details`` say what to look at if it is more."""

    row: Row
    most: float = 0.0
    details: str = ""

    @property
    def is_kept(self) -> bool:
        """Whether the measured value is at most what was promised."""
        return self.row.ours <= self.most


@dataclass(frozen=True)
class Order:
    """An order that was sent once, with an item that no other order has; ``status`` is None without an answer."""

    item: str
    status: int | None

    @property
    def is_placed(self) -> bool:
        """Whether the customer was told that it is placed."""
        return self.status == CREATED


def lost_items(orders: Iterable[Order], rows: Mapping[str, int]) -> list[str]:
    """Return the items of orders that were answered 201 and have no row; ``rows`` is the number of rows by item."""
    placed_orders = [order for order in orders if order.is_placed]
    return [order.item for order in placed_orders if not rows.get(order.item)]


def doubled_items(orders: Iterable[Order], rows: Mapping[str, int]) -> list[str]:
    """Return the items of orders with more than one row, whatever the answer was."""
    return [order.item for order in orders if rows.get(order.item, 0) > 1]


def rows_by_item(output: str) -> dict[str, int] | None:
    """Return the number of rows by item, from lines ``ITEM<tab>NUMBER``; None if the output is not complete.

    The last line has the sum, as the item TOTAL: a busy engine may cut off a part of a command's output.

    >>> rows_by_item("tea-1\\t1\\ntea-2\\t2\\ntotal\\t3\\n"), rows_by_item("tea-1\\t1\\n")
    ({'tea-1': 1, 'tea-2': 2}, None)
    """
    rows = {}
    for line in output.splitlines():
        item, _, number = line.rpartition("\t")
        if not number.isdecimal():
            return None
        rows[item] = int(number)

    total = rows.pop(TOTAL, None)
    is_complete = total == sum(rows.values())
    return rows if is_complete else None


@dataclass(frozen=True)
class SentRequest:
    """A request with an id of its own, and its answer; a POST has a quantity that no other has."""

    request_id: str
    method: str
    path: str
    quantity: int | None = None
    status: int | None = None
    answered_id: str | None = None


def mixed_ids(requests: Iterable[SentRequest], lines: Iterable[Mapping[str, Any]]) -> list[str]:
    """Return the ids of requests whose answer has another id, or whose id is on lines of another request."""
    lines_by_id: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for line in lines:
        identifier = str(line.get("request_id"))
        lines_by_id[identifier].append(line)

    ids = []
    for request in requests:
        lines_of_request = lines_by_id[request.request_id]
        has_own_id = request.answered_id == request.request_id
        if not has_own_id or not _are_lines_of(request, lines_of_request):
            ids.append(request.request_id)
    return ids


def _are_lines_of(request: SentRequest, lines: Sequence[Mapping[str, Any]]) -> bool:
    """Return whether the lines with the id of a request are exactly those that it logs."""
    counts = Counter(line["msg"] for line in lines)
    expected_orders = 1 if request.status == CREATED else 0
    if counts["request"] != 1 or counts["order placed"] != expected_orders:
        return False
    if any(counts[message] > 1 for message in ONCE):
        return False
    return all(_has_values_of(request, line) for line in lines)


def _has_values_of(request: SentRequest, line: Mapping[str, Any]) -> bool:
    """Return whether a line "request" or "order placed" has the values of a request; True for any other line."""
    if line["msg"] == "request":
        return (line["method"], line["path"], line["status"]) == (request.method, request.path, request.status)
    if line["msg"] == "order placed":
        return bool(line["quantity"] == request.quantity)
    return True


def leaking_lines(secrets: Mapping[str, str], lines: Iterable[bytes]) -> list[str]:
    """Return a text for each line that has a secret, or six characters of one in some encoding: the secrets' names.

    ``secrets`` are values by name; no value is returned.
    """
    patterns = Patterns(secrets)
    names_of_lines = []

    for line in lines:
        _, matches = patterns.search([line])
        if matches:
            names = sorted({name for name, _ in matches})
            names_of_lines.append(", ".join(names))

    return names_of_lines


def servers_up(statistics: str) -> set[str]:
    """Return the copies that HAProxy sends requests to, by its page ``/stats;csv``."""
    table = csv.DictReader(io.StringIO(statistics.removeprefix("# ")))
    copy_lines = [line for line in table if line["pxname"] == BACKEND]
    return {line["svname"] for line in copy_lines if line["status"] == "UP"}
