"""The traffic that the check of metrics.py sends, and the scrapes that it reads before and after."""

from __future__ import annotations

import contextlib
import random
import socket
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from prometheus_client.parser import text_string_to_metric_families

from workshop_kit.exercises.service_trial import ORDER
from workshop_kit.exercises.trial import Trial
from workshop_kit.observe import http

SLOW_SECONDS = 1.2
CLOSED = 3
KNOWN: Mapping[tuple[str, str, str], int] = {
    ("POST", "/orders", "201"): 5,
    ("GET", "/orders/{order_id}", "404"): 4,
    ("POST", "/orders", "500"): 3,
    ("GET", "/orders", "200"): 1,  # the slow one
}
"""The number of known requests, by method, route and status."""
ODD_METHODS = ("COPY", "LINK", "LOCK", "MKCOL", "MOVE", "NOTIFY", "PROPFIND", "PURGE", "REPORT", "SEARCH", "UNLOCK")
PIPELINED = 50

Labels = Mapping[str, str]
Series = tuple[str, tuple[tuple[str, str], ...]]
"""A sample's name, and its labels in order."""
Key = tuple[str, ...]


@dataclass(frozen=True)
class Scrape:
    """A scrape of ``/metrics``: the type of each family by name, and the value of each series."""

    types: Mapping[str, str]
    values: Mapping[Series, float]

    @classmethod
    def of(cls, text: str) -> Scrape:
        """Read the exposition format. Raises ValueError for any other text."""
        types, values = {}, {}
        for family in text_string_to_metric_families(text):
            types[family.name] = family.type
            for sample in family.samples:
                values[sample.name, tuple(sorted(sample.labels.items()))] = sample.value
        return cls(types, values)

    def label_names(self, name: str) -> set[str]:
        """Return the names of all labels of the series ``name``."""
        return {label for sample, labels in self.values if sample == name for label, _ in labels}

    def label_values(self, label: str) -> set[str]:
        """Return all values of a label, in any series."""
        return {value for _, labels in self.values for name, value in labels if name == label}


def increase(name: str, before: Scrape, after: Scrape, by: Callable[[Labels], Key]) -> Counter[Key]:
    """Return the increase of the series ``name`` between two scrapes, summed by the key that ``by`` makes of labels."""
    sums: Counter[Key] = Counter()
    for (sample, labels), value in after.values.items():
        if sample == name and (more := value - before.values.get((sample, labels), 0.0)):
            sums[by(dict(labels))] += more  # type: ignore[assignment]
    return sums


def send_known(trial: Trial, port: int) -> None:
    """Send the known requests, and half of the requests of clients that hang up."""
    for _ in range(KNOWN["POST", "/orders", "201"]):
        trial.post("/orders", ORDER)
    for number in range(KNOWN["GET", "/orders/{order_id}", "404"]):
        trial.get(f"/orders/nobody-{number}")
    trial.put("/admin/faults/errors", {"share": 1})
    for _ in range(KNOWN["POST", "/orders", "500"]):
        trial.post("/orders", ORDER)
    http.request("DELETE", f"http://127.0.0.1:{port}/admin/faults/errors")
    trial.put("/admin/faults/latency", {"ms": SLOW_SECONDS * 1000})
    trial.get("/orders", within_seconds=SLOW_SECONDS + 3)
    http.request("DELETE", f"http://127.0.0.1:{port}/admin/faults/latency")
    for _ in range(CLOSED):
        with trial.half_post("/orders", ORDER):
            pass  # the block ends before the rest of the order is sent


def send_odd_methods(port: int) -> None:
    """Send requests with methods that no route has."""
    for method in ODD_METHODS:
        http.request(method, f"http://127.0.0.1:{port}/orders")


def ask_random_paths(port: int, count: int, seed: int) -> None:
    """Pipeline requests for random paths on one connection; end early if it is closed."""
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
