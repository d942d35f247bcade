"""The metrics start at zero, and scrapes are not counted.

That requests are counted where they belong, and make few series: the check of monitoring.metrics.
"""

from __future__ import annotations

import math

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.workshop_app.conftest import application, ask

pytestmark = pytest.mark.anyio

DEPENDENCIES = ("master-db", "replica-db", "redis")
Series = dict[tuple[str, ...], float]


def parsed(text: str) -> Series:
    """Every series by its name and the values of its labels, in the order of their names."""
    return {
        (sample.name, *(value for _, value in sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


async def test_everything_starts_at_zero_and_scrapes_are_not_counted() -> None:
    """A rate needs a value before the first error; before the first ping a dependency is neither up nor down."""
    app = application(HTTP_ADMIN="true", HTTP_FAULTS="true")
    for path in ("/metrics", "/admin/log-level", "/admin/faults"):
        assert (await ask(app, path)).status_code == 200
    answer = await ask(app, "/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    series = parsed(answer.text)
    assert {series[name] for name in series if name[0].startswith("http_")} == {0}
    assert {("http_requests_total", "POST", "/orders", status) for status in ("201", "500", "503")} <= series.keys()
    assert all(math.isnan(series["dependency_up", name]) for name in DEPENDENCIES)
    await ask(app, "/health")
    series = parsed((await ask(app, "/metrics")).text)
    assert {series["dependency_up", name] for name in DEPENDENCIES} == {0}
