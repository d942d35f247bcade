"""Watch customers for some seconds: are they served, or will they soon not be?"""

from __future__ import annotations

import statistics
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from threading import Event

from workshop_kit.gameday.customers import Customers
from workshop_kit.gameday.shop import Shop
from workshop_kit.gameday.signals import BEFORE
from workshop_kit.host import MIB
from workshop_kit.patience import patient, waiting_now

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


@dataclass(frozen=True)
class Watched:
    """What customers suffered while they were watched, in one sentence; "" if nothing.

    ``is_late``: they waited or were turned away, which a busy machine would explain, too. ``waiting``: at each look
    meanwhile, the programs that ran or waited for each core.
    """

    symptom: str = ""
    is_late: bool = False
    waiting: tuple[float, ...] = ()


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
