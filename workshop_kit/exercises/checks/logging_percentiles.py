"""The check of lesson 03 on percentiles: recomputed from the log, for the whole time and for every window."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from workshop_kit.errors import WorkshopError
from workshop_kit.exercises.answers import gone, handed_in, part
from workshop_kit.exercises.check_api import Context, CheckResult, check, found
from workshop_kit.exercises.log_subjects import incident_log
from workshop_kit.exercises.result import Finding

WINDOW = "5s"
QUANTILES = (0.5, 0.95, 0.99)
PROBES = ("/livez", "/readyz", "/health")
NEAR_MS = 0.1
"""What the log is rounded to."""


@check("logging.percentiles")
def percentiles(context: Context) -> CheckResult:
    """Compare the percentiles with those of the live log, of customers' requests only."""
    subject, value = handed_in(context, "incident")
    if subject is None:
        return value
    try:
        log = incident_log(context.stack, subject)
    except WorkshopError:
        return gone(context, "incident")
    return compared(value, log)


def compared(value: Any, log: pd.DataFrame) -> CheckResult:
    """Hold what was handed in against a log."""
    findings = (_whole(part(value, "whole"), log), _windows(part(value, "windows"), log))
    if all(finding.passed for finding in findings):
        return CheckResult("Fourteen seconds of a service in six lines, and no metric was needed: the log knew.", findings)
    return CheckResult(next(finding.means for finding in findings if not finding.passed), findings)


def customers(log: pd.DataFrame) -> pd.DataFrame:
    """The lines of requests that people made: one each, without probes."""
    return log[(log["msg"] == "request") & ~log["route"].isin(PROBES)]


def _whole(said: Any, log: pd.DataFrame) -> Finding:
    durations = customers(log)["duration_ms"].astype(float)
    wrong = [quantile for quantile in QUANTILES if not _fits(_of(said, quantile), durations, quantile)]
    means = "These are not the percentiles of the whole time."
    if wrong and _looks_averaged(said, log):
        means = "The average of percentiles is the percentile of nothing: two requests count like two hundred."
    return found(
        not wrong,
        f"{len(durations)} requests of customers in the log, sorted by duration_ms",
        _numbers(said),
        "p50, p95 and p99 of all of them together",
        means,
        "Take the quantiles of the requests, not of the windows: duration_ms.quantile([0.5, 0.95, 0.99]).",
    )


def _windows(said: Any, log: pd.DataFrame) -> Finding:
    requests = customers(log)
    durations = requests["duration_ms"].astype(float).groupby(requests["ts"].dt.floor(WINDOW))
    windows = {start: values for start, values in durations if len(values)}
    given = _by_time(said)
    called = f"the same in windows of {WINDOW.removesuffix('s')} seconds, counted from the full minute"
    wrong = [start for start, values in windows.items() if not _all_fit(given.get(start), values)]
    got, means = f"{len(given)} windows", f"The log has {len(windows)} windows with requests in them."
    if given.keys() == windows.keys() and wrong:
        start = wrong[0]
        got = f"{start:%H:%M:%S}: {_numbers(given[start])}"
        means = f"{len(wrong)} of {len(windows)} windows have other percentiles."
        if _all_fit(given[start], _everything(log, start)):
            means = "You counted lines that no customer waited for: probes have a duration_ms, too, and so have pings."
    return found(
        not wrong and given.keys() == windows.keys(),
        called,
        got,
        "p50, p95 and p99 of each window",
        means,
        'Keep msg == "request", leave out the routes of probes, then group by ts.dt.floor("5s").',
    )


def _everything(log: pd.DataFrame, start: pd.Timestamp) -> pd.Series:
    """All durations of a window, whoever they are of."""
    return log.loc[log["ts"].dt.floor(WINDOW) == start, "duration_ms"].dropna().astype(float)


def _looks_averaged(said: Any, log: pd.DataFrame) -> bool:
    """Whether the numbers are the means of the windows' percentiles."""
    lines = log.dropna(subset=["duration_ms"])
    for of in (lines, customers(log)):
        grouped = of["duration_ms"].astype(float).groupby(of["ts"].dt.floor(WINDOW))
        means = {quantile: float(grouped.quantile(quantile).mean()) for quantile in QUANTILES}
        if all(abs((_of(said, quantile) or 0) - mean) <= NEAR_MS + 0.01 * mean for quantile, mean in means.items()):
            return True
    return False


def _all_fit(said: Any, values: pd.Series) -> bool:
    return all(_fits(_of(said, quantile), values, quantile) for quantile in QUANTILES)


def _fits(number: float | None, values: pd.Series, quantile: float) -> bool:
    """Whether it is that quantile by any of the usual definitions: they differ between two neighbors."""
    if number is None or not len(values):
        return False
    ways = [float(values.quantile(quantile, interpolation=way)) for way in ("lower", "higher")]
    return ways[0] - NEAR_MS <= number <= ways[1] + NEAR_MS


def _of(said: Any, quantile: float) -> float | None:
    """A quantile of what was handed in, under ``0.95``, ``95`` or ``p95``; None if it is not there or no number."""
    names = (str(quantile), f"{quantile * 100:g}", f"p{quantile * 100:g}")
    number = next((said[name] for name in names if isinstance(said, Mapping) and name in said), None)
    return float(number) if isinstance(number, int | float) and not isinstance(number, bool) else None


def _by_time(said: Any) -> dict[pd.Timestamp, Any]:
    """The windows by their start, in UTC; what has no time for a name is none."""
    found_there = {}
    for name, numbers in said.items() if isinstance(said, Mapping) else ():
        try:
            start = pd.Timestamp(name)
        except ValueError:
            continue
        found_there[start.tz_localize("UTC") if start.tzinfo is None else start.tz_convert("UTC")] = numbers
    return found_there


def _numbers(said: Any) -> str:
    parts = [(quantile, _of(said, quantile)) for quantile in QUANTILES]
    return ", ".join(f"p{q * 100:g} {'missing' if n is None else f'{n:.1f} ms'}" for q, n in parts)
