"""Watch customers for some seconds: are they served, or will they soon not be?"""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from threading import Event

from workshop_kit.gameday.customers import Customers
from workshop_kit.gameday.shop import Shop
from workshop_kit.gameday.signals import BEFORE
from workshop_kit.host import MIB
from workshop_kit.patience import patient, wait_for

WATCH_SECONDS = 3.0
"""How long customers are watched."""
SERVED_SECONDS = 15.0
"""How long customers may take to be served, before the cause."""
FEWEST = 20
GOOD_SHARE = 0.96
GROWTH_BYTES = 10 * MIB
"""The most that a service may grow while it is watched: a new one still grows a little."""


@dataclass(frozen=True)
class CustomerObservation:
    """What came of watching the customers: ``symptom`` says in one sentence what they suffered; "" if nothing.

    ``is_late``: they waited or were turned away, which a slow machine would explain, too.
    """

    symptom: str = ""
    is_late: bool = False


def watch(shop: Shop, customers: Customers, stop: Event) -> CustomerObservation:
    """Watch for some seconds; return what customers suffered meanwhile, or will suffer soon."""
    started_before = shop.started_at()
    bytes_before = shop.memory_bytes()
    since = datetime.now(UTC)

    def have_enough_come() -> bool:
        return stop.is_set() or len(customers.since(since)) >= FEWEST

    stop.wait(WATCH_SECONDS)
    wait_for(have_enough_come, WATCH_SECONDS)  # on a busy machine they come later

    late_sentence = unserved_sentence(customers, since)
    if late_sentence:
        return CustomerObservation(late_sentence, is_late=True)

    growth_bytes = shop.memory_bytes() - bytes_before
    was_running = bytes_before > 0
    if was_running and growth_bytes > GROWTH_BYTES:
        mib = growth_bytes / MIB
        return CustomerObservation(
            f"All are served, but production grew by {mib:.0f} MiB meanwhile, and has not finished."
        )

    if shop.started_at() != started_before:
        return CustomerObservation("A container died and came back meanwhile.")
    return CustomerObservation()


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

    def unserved() -> str:
        window = timedelta(seconds=patient(WATCH_SECONDS))
        return unserved_sentence(customers, datetime.now(UTC) - window)

    def is_over(sentence: str) -> bool:
        return not sentence or stop.is_set()

    return wait_for(unserved, SERVED_SECONDS, until=is_over)


def served_before(customers: Customers, injected: datetime) -> float | None:
    """Return the percentage of customers who were served in time in the seconds before the cause; None without any."""
    visits = customers.since(injected - BEFORE)
    is_good = [visit.is_good for visit in visits if visit.time < injected]
    return 100 * statistics.mean(is_good) if is_good else None
