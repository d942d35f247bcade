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
class CustomerObservation:
    """What came of watching the customers: ``symptom`` says in one sentence what they suffered; "" if nothing.

    ``is_late``: they waited or were turned away, which a busy machine would explain, too. ``waiting`` has for each look
    at the machine meanwhile how many programs ran or waited for each core.
    """

    symptom: str = ""
    is_late: bool = False
    waiting: tuple[float, ...] = ()


def watch(shop: Shop, customers: Customers, stop: Event) -> CustomerObservation:
    """Watch for some seconds; return what customers suffered meanwhile, or will suffer soon."""
    started_before = shop.started_at()
    bytes_before = shop.memory_bytes()
    since = datetime.now(UTC)
    began = time.monotonic()

    waiting = _wait_and_count_programs(WATCH_SECONDS, stop)
    # On a busy machine too few customers come in these seconds.
    while len(customers.since(since)) < FEWEST and time.monotonic() - began < patient(WATCH_SECONDS):
        if stop.wait(POLL_SECONDS):
            break

    late_sentence = unserved_sentence(customers, since)
    if late_sentence:
        return CustomerObservation(late_sentence, is_late=True, waiting=waiting)

    growth_bytes = shop.memory_bytes() - bytes_before
    was_running = bytes_before > 0
    if was_running and growth_bytes > GROWTH_BYTES:
        mib = growth_bytes / MIB
        growth_sentence = f"All are served, but production grew by {mib:.0f} MiB meanwhile, and has not finished."
        return CustomerObservation(growth_sentence, waiting=waiting)

    if shop.started_at() != started_before:
        return CustomerObservation("A container died and came back meanwhile.", waiting=waiting)
    return CustomerObservation(waiting=waiting)


def _wait_and_count_programs(seconds: float, stop: Event) -> tuple[float, ...]:
    """Wait for so many seconds; return LOOKS counts of the programs that ran or waited for each core meanwhile."""
    counts = []
    for _ in range(LOOKS):
        counts.append(waiting_now())
        stop.wait(seconds / LOOKS)

    return tuple(counts)


def unserved_sentence(customers: Customers, since: datetime) -> str:
    """Return in one sentence which customers since a moment were not served in time; "" if nearly all were."""
    visits = customers.since(since)
    served_visits = [visit for visit in visits if visit.is_good]
    count = len(visits)
    served = len(served_visits)

    if count < FEWEST:
        seconds = (datetime.now(UTC) - since).total_seconds()
        return f"Only {count} customers came in {seconds:.0f} s, and {served} were served in time."
    if served < GOOD_SHARE * count:
        return f"{count - served} of {count} customers were not served, or too late."
    return ""


def wait_served(customers: Customers, stop: Event) -> str:
    """Wait until nearly all customers of the last seconds were served, the time is up, or ``stop`` is set.

    Returns in one sentence which customers were not served; "" if nearly all were.
    """
    began = time.monotonic()
    while True:
        window = timedelta(seconds=patient(WATCH_SECONDS))
        sentence = unserved_sentence(customers, datetime.now(UTC) - window)
        if not sentence:
            return ""

        is_time_up = time.monotonic() - began >= patient(SERVED_SECONDS)
        if is_time_up or stop.wait(POLL_SECONDS):
            return sentence


def served_before(customers: Customers, injected: datetime) -> float | None:
    """Return the percentage of customers who were served in time in the seconds before the cause; None without any."""
    visits = customers.since(injected - BEFORE)
    is_good = [visit.is_good for visit in visits if visit.time < injected]
    return 100 * statistics.mean(is_good) if is_good else None
