"""Samples and mistakes in Prometheus' text format."""

from __future__ import annotations

import pytest

from workshop_kit.audit.rules.monitoring import mistakes
from workshop_kit.observe.scrape import samples

GOOD = """# HELP http_requests_total Requests \\\\ with "quotes".
# TYPE http_requests_total counter
http_requests_total{method="post",code="200"} 1027 1395066363000
http_requests_total{method="post",code="400",} 3
http_requests_total{path="C:\\\\DIR\\\\\\"x\\"\\n"} 3.5e-08

# a comment
# TYPE rpc_seconds histogram
rpc_seconds_bucket{le="0.05"} 24054
rpc_seconds_bucket{le="+Inf"} 144320
rpc_seconds_sum 53423
rpc_seconds_count 144320
up NaN
down -Inf
"""


def test_a_text_as_client_libraries_write_it_is_good() -> None:
    """Labels with escapes, times, comments, empty lines, histograms, NaN and Inf."""
    assert list(mistakes(GOOD)) == []
    assert len(list(samples(GOOD))) == 9


@pytest.mark.parametrize(
    ("text", "mistake"),
    [
        ('up{a="1",b="2"} 1\nup{b="2",a="1"} 2\n', "line 2 is a second sample"),
        ("# TYPE up number\nup 1\n", "line 1 is no TYPE: # TYPE up number"),
        ("up 1\n# TYPE up gauge\n", "line 2 tells the type of up after its samples"),
        ("up{a=1} 1\n", "line 1 is no sample"),
        ("up 1", "the last line has no end"),
    ],
)
def test_mistakes_are_named_with_their_line(text: str, mistake: str) -> None:
    """One sentence each."""
    assert any(mistake in found for found in mistakes(text))


def test_samples_are_read_by_name() -> None:
    """Labels without their escapes, numbers as numbers; other names, comments and broken lines are passed over."""
    text = GOOD + 'up{broken=1} 1\nhttp_requests_total_of_others 1\nup{job="a,b"} +Inf\n'
    found = list(samples(text, {"http_requests_total", "up"}))
    assert found[0][:3] == ("http_requests_total", {"method": "post", "code": "200"}, 1027)
    assert found[2].labels == {"path": 'C:\\DIR\\"x"\n'}
    assert [one.name for one in found] == ["http_requests_total"] * 3 + ["up", "up"]
    assert found[-1][:3] == ("up", {"job": "a,b"}, float("inf"))
