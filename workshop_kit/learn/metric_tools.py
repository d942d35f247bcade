"""What a lesson does with metrics: ask Prometheus, and read who was told of which alert."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

import pandas as pd

from workshop_kit.engine.monitoring import Monitoring
from workshop_kit.errors import WorkshopError
from workshop_kit.observe import promql
from workshop_kit.observe.logs import container_lines

TOLD = ["time", "alert", "status", "severity", "summary", "action"]
STEP_SECONDS = 1.0  # as often as the stack's Prometheus asks


@dataclass(frozen=True)
class MetricTools:
    """The running monitoring, as a notebook asks it."""

    monitoring: Monitoring

    def targets(self) -> pd.DataFrame:
        """Return whom Prometheus asks, and how the last time went. See `promql.targets`."""
        return promql.targets(self.monitoring.prometheus_url)

    def ask(self, query: str) -> pd.DataFrame:
        """Return what a query gives now: a row for each series. Raises PromQLMistake with the position."""
        return promql.query(self.monitoring.prometheus_url, query)

    def value(self, query: str) -> float:
        """Return the one number that a query gives now. Raises WorkshopError if it gives none, or several."""
        found = self.ask(query).value
        if found.empty:
            raise WorkshopError(
                f"The query gives nothing now: {query}.", "Look at metrics.targets() for who does not answer."
            )
        if len(found) > 1:
            raise WorkshopError(
                f"The query gives {len(found)} values, not one: {query}.",
                "Choose one by its labels, or take the sum().",
            )
        return float(found.iloc[0])

    def over_time(self, query: str, *, since: datetime, until: datetime | None = None) -> pd.DataFrame:
        """Return what a query gave from a time (UTC) until another, or now, as a table to draw.

        Its index is the time, second by second; each series has a column, called after its labels' values. Where a
        series had nothing to say there is NaN. Raises WorkshopError for what is no time.
        """
        end = until or datetime.now(UTC)
        found = promql.query_range(self.monitoring.prometheus_url, query, since, end, STEP_SECONDS)
        labels = [name for name in found.columns if name not in promql.OWN_COLUMNS]
        named = found.assign(series=found[labels].agg(" ".join, axis=1).str.strip() if labels else "")
        named["series"] = named["series"].where(named["series"] != "", "value")
        return named.pivot_table(index="time", columns="series", values="value").rename_axis(columns=None)

    def wait_until(self, query: str, holds: Callable[[float], bool], *, within_seconds: float = 30.0) -> float:
        """Ask until the query's first value is as wanted; return it. Raises WorkshopError when the time is up."""
        deadline = time.monotonic() + within_seconds
        while True:
            found = self.ask(query).value
            if len(found) and holds(found.iloc[0]):
                return float(found.iloc[0])
            if time.monotonic() > deadline:
                last = f"{found.iloc[0]:g}" if len(found) else "nothing"
                raise WorkshopError(f"After {within_seconds:g} s the query still gives {last}.", f"It was: {query}")
            time.sleep(0.5)

    @contextmanager
    def rules(self, text: str) -> Iterator[None]:
        """Let Prometheus judge by these rules, too (YAML), while the block runs. See `Monitoring.try_rules`."""
        self.monitoring.try_rules(text)
        try:
            yield
        finally:
            self.monitoring.forget_rules()

    def alerts(self) -> pd.DataFrame:
        """Return the alerts that are pending or firing now. See `promql.alerts`."""
        return promql.alerts(self.monitoring.prometheus_url)

    def told(self, since: datetime | None = None) -> pd.DataFrame:
        """Return what was delivered to the receiver, in place of somebody's pager, oldest first.

        Columns: ``time`` (UTC) of the delivery, ``alert``, ``status`` (``firing`` or ``resolved``), ``severity``,
        ``summary``, ``action``.
        """
        written = container_lines(self.monitoring.receiver, since=since)
        told = [fields for line in written if (fields := _alert(line.text))]
        frame = pd.DataFrame([{**fields, "time": fields["ts"]} for fields in told], columns=TOLD)
        frame["time"] = pd.to_datetime(frame["time"], utc=True, format="ISO8601")
        return frame

    def wait_told(
        self, alert: str, status: str = "firing", *, since: datetime, within_seconds: float = 60.0
    ) -> pd.Timestamp:
        """Wait until somebody was told of an alert; return when (UTC). Raises WorkshopError when the time is up."""
        deadline = time.monotonic() + within_seconds
        while True:
            told = self.told(since)
            fitting = told[(told["alert"] == alert) & (told["status"] == status) & (told["time"] >= since)]
            if len(fitting):
                return fitting["time"].iloc[0]
            if time.monotonic() > deadline:
                others = ", ".join(dict.fromkeys(told["alert"] + " " + told["status"])) or "nothing"
                raise WorkshopError(
                    f"Nobody was told that {alert} is {status} within {within_seconds:g} s; there was {others}.",
                    "Look at the alerts: they may still be pending.",
                )
            time.sleep(0.3)


def _alert(text: str) -> dict[str, str] | None:
    """A line of the receiver, if it is about an alert."""
    try:
        fields = json.loads(text)
    except ValueError:
        return None
    return fields if isinstance(fields, dict) and "alert" in fields else None
