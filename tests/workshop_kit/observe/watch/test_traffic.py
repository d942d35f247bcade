"""Traffic is computed from two scrapes of /metrics: arithmetic over recorded text."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from workshop_kit.observe.watch.traffic import Counters, parse, traffic_between

NOON = datetime(2026, 11, 25, 12, tzinfo=UTC)
TEXT = """# TYPE http_requests_total counter
http_requests_total{method="GET",route="/orders",status="200"} 100.0
http_requests_total{method="POST",route="/orders",status="503"} 10.0
http_requests_total{method="GET",route="/orders/{order_id}",status="404"} 4.0
http_requests_total{method="GET",route="/orders",status="none"} 1.0
http_requests_total{method="GET",route="/health",status="503"} 5000.0
# TYPE http_request_duration_seconds histogram
http_request_duration_seconds_bucket{le="0.01",route="/orders"} 60.0
http_request_duration_seconds_bucket{le="0.1",route="/orders"} 100.0
http_request_duration_seconds_bucket{le="+Inf",route="/orders"} 110.0
http_request_duration_seconds_bucket{le="+Inf",route="/livez"} 9000.0
# TYPE http_requests_in_flight gauge
http_requests_in_flight 3.0
dependency_up{dependency="redis"} 0.0
dependency_up{dependency="master-db"} 1.0
dependency_up{dependency="replica-db"} NaN
process_start_time_seconds 1.7e+09
"""


def later(text: str, seconds: float = 2) -> Counters:
    """Return the counters of a text, some seconds after noon."""
    found = parse(text, NOON + timedelta(seconds=seconds))
    assert found is not None
    return found


def with_values(**values: float) -> str:
    """The text with other numbers in the lines that have these words in them."""
    lines = []
    for line in TEXT.split("\n"):
        given = [value for words, value in values.items() if all(word in line for word in words.split("_"))]
        lines.append(f"{line.rpartition(' ')[0]} {given[0]}" if given else line)
    return "\n".join(lines)


FIRST = later(TEXT, 0)


def test_rates_are_the_increase_between_two_scrapes() -> None:
    """40 more requests in 2 s: 10 failed (5 without an answer), 6 were refused; probes do not count."""
    now = with_values(**{'"200"': 124, "POST": 15, '"404"': 10, '"none"': 6, '"/health"': 9000})
    row = traffic_between(FIRST, later(now), "service")
    assert (row.requests_per_second, row.errors_per_second, row.refused_per_second) == (20, 5, 3)
    assert row.error_percent == 25
    assert row.in_flight == 3


def test_percentiles_are_of_the_new_requests_only() -> None:
    """Ten new requests between 10 and 100 ms: the median is in the middle of that bucket."""
    now = with_values(**{'"0.1"': 110, '"+Inf"_"/orders"': 120})
    row = traffic_between(FIRST, later(now), "service")
    assert row.p50_ms == pytest.approx(55)
    assert row.p99_ms == pytest.approx(99.1)


def test_a_restart_is_neither_a_spike_nor_negative() -> None:
    """A restarted process counts from zero, even where it has already counted further than the one before."""
    row = traffic_between(FIRST, later(with_values(**{'"200"': 140, "process": 1.8e9})), "service")
    assert row.requests_per_second == (140 + 10 + 4 + 1) / 2
    row = traffic_between(FIRST, later(with_values(**{'"200"': 6})), "service")  # without a start time
    assert row.requests_per_second == 3


def test_a_text_without_request_metrics_gives_none() -> None:
    """A page that is no metrics, metrics of others, and a dependency that was not pinged yet."""
    assert parse("<html>404</html>", NOON) is None
    assert parse("go_goroutines 7\n", NOON) is None
    assert FIRST.dependencies == {"redis": False, "master-db": True}
