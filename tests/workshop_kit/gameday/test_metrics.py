"""One row a second: customers, requests and shares of the limits, joined by time and environment."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pandas as pd

from workshop_kit.display.dashboard.view import container_view
from workshop_kit.gameday.customers import Customers, Visit
from workshop_kit.gameday.metrics import PANELS, ShopWatcher, joined
from workshop_kit.observe.frames import frame
from workshop_kit.observe.stats import Usage
from workshop_kit.observe.watch import Tables
from workshop_kit.observe.watch.traffic import Traffic
from workshop_kit.observe.watch.watcher import with_cpu_limits

NOON = datetime(2026, 11, 25, 12, tzinfo=UTC)
LIMIT_PERCENT = 20.0


def at(seconds: float) -> datetime:
    """So many seconds after noon."""
    return NOON + timedelta(seconds=seconds)


def watched() -> Tables:
    """Two seconds of a service that uses a tenth of a core, of which it may use a fifth."""
    requests = [Traffic(at(second + 0.4), "production", p95_ms=8.0) for second in range(2)]
    usage = frame(Usage, ())
    rows = {"time": [at(0.2), at(1.2)], "container": "production", "cpu_percent": 10.0, "throttled_percent": 30.0}
    usage = pd.concat([usage, pd.DataFrame({**rows, "memory_bytes": 32.0, "memory_limit_bytes": 128.0})])
    usage["time"] = pd.to_datetime(usage["time"], utc=True).astype("datetime64[us, UTC]")
    limits = {"production": [(datetime.min.replace(tzinfo=UTC), LIMIT_PERCENT)]}
    return Tables(requests=frame(Traffic, requests), resources=with_cpu_limits(usage, limits))


def customers() -> Customers:
    """Ten customers a second; in the second second, four of them are served."""
    good = [True] * 10 + [True] * 4 + [False] * 6
    visits = [Visit(at(n / 10), "production", 200 if well else 503, 0.01) for n, well in enumerate(good)]
    return Customers({"production": lambda: None}, visits=visits)


def test_a_second_is_a_row() -> None:
    """Its time is the second's end; shares do not reveal the limits."""
    table = joined(watched(), customers().table())
    assert [*table["time"]] == [pd.Timestamp(at(1)), pd.Timestamp(at(2))]
    assert [*table["served_percent"]] == [100.0, 40.0]
    assert [*table["cpu_percent"]] == [50.0, 50.0]
    assert [*table["memory_percent"]] == [25.0, 25.0]
    assert [*table["p95_ms"]] == [8.0, 8.0]
    assert joined(Tables(), customers().table().iloc[:0]).empty, "before the first customer there is no row"


def test_the_dashboard_shows_customers_and_the_cpu_but_no_limit() -> None:
    """The metrics show that it is throttled, but not the limit."""
    watcher: Any = SimpleNamespace(names=("production",), tables=lambda *_, **__: watched())
    shown = ShopWatcher(watcher, customers()).tables("production")
    assert shown.resources["cpu_limit_percent"].isna().all()
    view = container_view(shown, (), "production", at(2).timestamp(), 60, PANELS)
    lines = {line.label: line.last for plot in view.plots for line in plot.lines}
    assert (lines["came"], lines["served in time"], lines["periods held back"]) == (10.0, 4.0, 30.0)
    assert all(line.limit is None for plot in view.plots for line in plot.lines)
