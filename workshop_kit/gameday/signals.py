"""How customers and signals show an incident: first symptom, first sign in each signal, recovery; and its card."""

from __future__ import annotations

import statistics
import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from threading import Event

import pandas as pd

from workshop_kit.display.incident_chart import P95, one_clock
from workshop_kit.display.rendered import Rendered, table
from workshop_kit.faults.injection import InjectedFault
from workshop_kit.gameday.causes import Cause
from workshop_kit.gameday.customers import CPU, MEMORY, SERVED, SHARES, Customers, Visit
from workshop_kit.gameday.shop import Shop
from workshop_kit.host import MIB
from workshop_kit.observe.events import out_of_memory
from workshop_kit.observe.scrape import PROBES
from workshop_kit.observe.watcher import Tables
from workshop_kit.patience import patient, waiting_now
from workshop_kit.trials.game_records import Record

SLOW_MS = 500
ERRORS_PERCENT = 1.0
SERVED_PERCENT = 75.0
THROTTLED_PERCENT = 50.0
MEMORY_SHARE = 0.9
GRAVE = ("warning", "error", "critical")
IN_A_ROW = 3
"""Failures of a probe in a row that count, as for an orchestrator."""
# A symptom is more than one accident: this share of so many customers in a row suffered.
SHARE = 0.3
TOGETHER = 5
WATCH_SECONDS = 3.0
"""How long customers are watched."""
LOOKS = 30
"""How often the machine is looked at meanwhile."""
POLL_SECONDS = 0.2
SERVED_SECONDS = 15.0
"""How long customers may take to be served, before the cause."""
FEWEST = 20
GOOD_SHARE = 0.96
GROWTH_BYTES = 10 * MIB
"""The most that a service may grow while it is watched: a new one still grows a little."""
BEFORE_SECONDS = WINDOW_SECONDS = 5.0
BEFORE = timedelta(seconds=BEFORE_SECONDS)
WELL_PERCENT = 90.0
CHANGE_PERCENT = 10.0


@dataclass(frozen=True)
class Watched:
    """What customers suffered while they were watched, in one sentence; "" if nothing.

    ``is_late``: they waited or were turned away, which a busy machine would explain, too. ``waiting``: at each look
    meanwhile, the programs that ran or waited for each core.
    """

    symptom: str = ""
    is_late: bool = False
    waiting: tuple[float, ...] = ()


def worst_environment(visits: Iterable[Visit], injected: datetime) -> str | None:
    """Return the environment whose customers suffered most from the injection on; None if none did."""
    later_visits = (visit for visit in visits if visit.time >= injected)
    bad_visits = Counter(visit.environment for visit in later_visits if not visit.is_good)
    return max(bad_visits, key=bad_visits.__getitem__, default=None)


def first_symptom(visits: Sequence[Visit], injected: datetime) -> datetime | None:
    """Return when the first of several customers suffered, from the injection on; None if none did.

    It is one of the worst environment, which the card shows. A customer suffers who is not served in time
    (`Visit.is_good`), as in all charts.
    """
    worst = worst_environment(visits, injected)
    later_visits = [visit for visit in visits if visit.time >= injected]
    worst_visits = [visit for visit in later_visits if visit.environment == worst]

    for place, visit in enumerate(worst_visits):
        next_visits = worst_visits[place : place + TOGETHER]
        share = sum(not next_visit.is_good for next_visit in next_visits) / TOGETHER
        if not visit.is_good and len(next_visits) == TOGETHER and share > SHARE:
            return visit.time
    return None


def first_signs(logs: pd.DataFrame, tables: Tables, injected: datetime) -> dict[str, datetime | None]:
    """Return when each signal first showed the incident, from ``injected`` on; None for one that did not."""
    requests = _first_moment(tables.requests, _in_requests(tables.requests), injected)
    resources = _first_moment(tables.resources, _in_resources(tables.resources), injected)
    return {
        "logs": _first_moment(logs, _in_logs(logs), injected, "ts"),
        "metrics": min(filter(None, (requests, resources)), default=None),
        "health": _first_moment(tables.health, _in_health(tables.health), injected),
        "engine": _first_moment(tables.events, out_of_memory(tables.events), injected),
    }


def watch(shop: Shop, customers: Customers, stop: Event) -> Watched:
    """Watch for a while; return what customers suffered, or will soon."""
    starts = shop.starts()
    bytes_before = {name: shop.memory_bytes(name) for name in shop.environments}
    since = datetime.now(UTC)
    began = time.monotonic()
    waiting = _wait(WATCH_SECONDS, stop)
    while _fewest_visits(shop, customers, since) < FEWEST and time.monotonic() - began < patient(WATCH_SECONDS):
        if stop.wait(POLL_SECONDS):
            break

    late_sentence = not_served(shop, customers, since)
    if late_sentence:
        return Watched(late_sentence, is_late=True, waiting=waiting)

    for name in shop.environments:
        growth = shop.memory_bytes(name) - bytes_before[name]
        if bytes_before[name] and growth > GROWTH_BYTES:
            sentence = f"All are served, but {name} grew by {growth / MIB:.0f} MiB meanwhile, and has not finished."
            return Watched(sentence, waiting=waiting)

    death_sentence = "" if shop.starts() == starts else "A container died and came back meanwhile."
    return Watched(death_sentence, waiting=waiting)


def _wait(seconds: float, stop: Event) -> tuple[float, ...]:
    """Wait; return how many programs ran or waited for each core meanwhile, at many looks."""
    looks = []
    for _ in range(LOOKS):
        looks.append(waiting_now())
        stop.wait(seconds / LOOKS)

    return tuple(looks)


def _fewest_visits(shop: Shop, customers: Customers, since: datetime) -> int:
    return min(len(customers.since(since, name)) for name in shop.environments)


def not_served(shop: Shop, customers: Customers, since: datetime) -> str:
    """Return in one sentence which customers since a moment were not served in time; "" if nearly all were."""
    for name in shop.environments:
        visits = customers.since(since, name)
        served = sum(visit.is_good for visit in visits)
        if len(visits) < FEWEST:
            seconds = (datetime.now(UTC) - since).total_seconds()
            return f"Only {len(visits)} customers of {name} came in {seconds:.0f} s, and {served} were served in time."
        if served < GOOD_SHARE * len(visits):
            return f"{len(visits) - served} of {len(visits)} customers of {name} were not served, or too late."

    return ""


def wait_served(shop: Shop, customers: Customers, stop: Event) -> str:
    """Wait until customers have been served for some seconds, or the time is up; return which were not, "" for none."""
    began = time.monotonic()
    while True:
        window = timedelta(seconds=patient(WATCH_SECONDS))
        unserved = not_served(shop, customers, datetime.now(UTC) - window)
        is_over = time.monotonic() - began >= patient(SERVED_SECONDS)
        if not unserved or is_over or stop.wait(POLL_SECONDS):
            return unserved


def served_before(shop: Shop, customers: Customers, injected: datetime) -> float | None:
    """Return how many percent of the customers were served in time right before the cause, where they were fewest."""
    percents = []
    for name in shop.environments:
        is_good = [visit.is_good for visit in customers.since(injected - BEFORE, name) if visit.time < injected]
        if is_good:
            percents.append(100.0 * statistics.fmean(is_good))

    return min(percents, default=None)


def after_restart(visits: pd.DataFrame, restarted: datetime) -> str:
    """Return the outcome of a restart, from its customers (``time``, ``good``): the options of Tuesday's prediction.

    ``heals``: all are served at the end. ``half``: more are served at first, and fewer again at the end. ``worse``:
    fewer are served than before. ``nothing``: as many as before.
    """
    seconds = (visits["time"] - pd.Timestamp(restarted)).dt.total_seconds()
    before_percent = _percent(visits[(seconds < 0) & (seconds >= -BEFORE_SECONDS)])
    later_visits = visits[seconds >= 0]

    first_served = 0.0
    if later_visits["good"].any():
        first_served = seconds[later_visits.index[later_visits["good"]]].min()
    soon_percent = _percent(visits[(seconds >= first_served) & (seconds < first_served + WINDOW_SECONDS)])
    end_percent = _percent(visits[seconds > seconds.max() - WINDOW_SECONDS])

    if end_percent >= WELL_PERCENT:
        return "heals"
    if soon_percent > before_percent + CHANGE_PERCENT and end_percent < soon_percent - CHANGE_PERCENT:
        return "half"
    return "worse" if _percent(later_visits) < before_percent - CHANGE_PERCENT else "nothing"


def card(record: Record, cause: Cause, visits: Sequence[Visit], logs: pd.DataFrame, tables: Tables) -> Rendered:
    """Return a table of the moments, TTD and TTR, and all signals on one time axis.

    The signals are those of the environment that suffered most. The cause and the CPU limits are told once the incident
    is over: before that they would be the answer. Table, band and charts count the same visits.
    """
    injected = record.injected or record.began
    record = replace(record, first_symptom=first_symptom(visits, injected))
    worst_name = worst_environment(visits, injected) or cause.environments[0]
    explanation = cause.explanation if record.fixed else "not over yet"
    signs = first_signs(logs, tables, injected)

    title = f"{record.name.capitalize()}: {explanation}"
    table_rows = [*rows(record, signs), *counts(record, visits)]
    moments_table = table(title, ["", "UTC", "after the first symptom"], table_rows)
    bands = [InjectedFault("the cause", "in place", {}, injected, record.fixed)]
    if record.first_symptom:
        bands.append(InjectedFault("customers", "suffer", {}, record.first_symptom, record.fixed))

    picture = one_clock(
        f"{record.name.capitalize()} on one clock{', with the reference' if record.reference else ''}",
        tables,
        logs=logs if len(logs) else None,
        faults=bands,
        container=worst_name,
        panels=[SERVED, P95, CPU, MEMORY] if record.fixed else [SERVED, P95, SHARES],
    )
    return Rendered(moments_table.html + picture.html, f"{moments_table.text}\n\n{picture.text}")


def rows(record: Record, signs: Mapping[str, datetime | None]) -> list[tuple[str, str, str]]:
    """Return the moments in order, with their distance from the first symptom; then TTD and TTR."""
    moments = {
        "the cause was put in place": record.injected,
        "the first customer suffered": record.first_symptom,
        **{f"first sign in: {name}": moment for name, moment in signs.items()},
        "your first own look, or repair": record.detected,
        "all customers are served": record.fixed,
    }

    known_moments = sorted((moment, name) for name, moment in moments.items() if moment is not None)
    table_rows = []
    for moment, name in known_moments:
        after = f"{(moment - record.first_symptom).total_seconds():+.0f} s" if record.first_symptom else ""
        table_rows.append((name, f"{moment:%H:%M:%S}", after))
    table_rows += [(name, "–", "not seen") for name, moment in moments.items() if moment is None]

    durations = {"time to detect (TTD)": record.to_detect_seconds, "time to repair (TTR)": record.to_repair_seconds}
    for name, seconds in durations.items():
        table_rows.append((name, "", "–" if seconds is None else f"{seconds:.0f} s"))
    return table_rows


def counts(record: Record, visits: Iterable[Visit]) -> list[tuple[str, str, str]]:
    """Return how many customers were served since the cause, the actions, and the reference's part in the service."""
    began = record.injected or record.began
    until = record.fixed or datetime.now(UTC)
    is_good = [visit.is_good for visit in visits if began <= visit.time <= until]
    table_rows = [("customers served until then", "", f"{sum(is_good)} of {len(is_good)}")]
    table_rows += [("you", action[:8], action[9:]) for action in record.actions]
    if record.reference:
        table_rows.append(("the service", "", record.reference))
    return table_rows


def _in_logs(logs: pd.DataFrame) -> pd.Series:
    is_grave = pd.Series(False, index=logs.index)
    if "level" in logs:
        is_grave = logs["level"].astype("str").isin(GRAVE)
    if "duration_ms" in logs:
        is_grave = is_grave | (pd.to_numeric(logs["duration_ms"], errors="coerce") > SLOW_MS).fillna(value=False)
    if "route" in logs:
        is_grave = is_grave & ~logs["route"].isin(PROBES).fillna(value=False)  # a release that starts is not ready
    return is_grave


def _in_requests(requests: pd.DataFrame) -> pd.Series:
    served = requests.get("served_percent", pd.Series(100.0, index=requests.index))
    is_failed = (requests["error_percent"] > ERRORS_PERCENT) | (served < SERVED_PERCENT)
    return is_failed | (requests["p95_ms"] > SLOW_MS)


def _in_resources(resources: pd.DataFrame) -> pd.Series:
    is_full = resources["memory_bytes"] > MEMORY_SHARE * resources["memory_limit_bytes"]
    return is_full | (resources["throttled_percent"] > THROTTLED_PERCENT)


def _in_health(health: pd.DataFrame) -> pd.Series:
    """Return where a probe has failed several times in a row: a release that starts is not ready for a moment."""
    is_bad = health["what"].isin(("/readyz", "/health")) & ~health["state"].isin(("pass", "warn"))
    in_a_row = is_bad.astype(int).groupby([health["container"], health["what"]]).rolling(IN_A_ROW).sum()
    return in_a_row.droplevel([0, 1]).eq(IN_A_ROW).reindex(health.index)


def _first_moment(table: pd.DataFrame, is_bad: pd.Series, injected: datetime, column: str = "time") -> datetime | None:
    if table.empty or column not in table:
        return None
    times = pd.to_datetime(table[column], utc=True)
    matching_times = times[is_bad.astype(bool) & (times >= pd.Timestamp(injected))]
    return None if matching_times.empty else matching_times.min().to_pydatetime()


def _percent(visits: pd.DataFrame) -> float:
    return 100.0 * float(visits["good"].mean()) if len(visits) else 0.0
