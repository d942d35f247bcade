"""Whether the customers of a shop are well: watched for a while, not asked once."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from threading import Event

from workshop_kit.gameday.customers import Visit, Visitors
from workshop_kit.gameday.shop import MIB, Shop

WATCH_SECONDS = 3.0
CALM = 5
"""So many customers in a row were served at each door: it is worth watching."""
FEWEST, GOOD_SHARE = 20, 0.96
GROWTH_BYTES = 10 * MIB
"""While it is watched; a service that has just been started still grows a little."""


def is_calm(shop: Shop, visitors: Visitors, moment: datetime) -> bool:
    """Whether the newest customers of each door since a time were all served."""
    newest = [visitors.since(moment, name)[-CALM:] for name in shop.environments]
    return all(len(visits) == CALM and all(one.is_good for one in visits) for visits in newest)


def symptom(shop: Shop, visitors: Visitors, stop: Event) -> str:
    """Watch for a while; what customers suffered in it, or will soon, in one sentence; empty if nothing."""
    starts = shop.starts()
    before = {name: shop.memory_bytes(name) for name in shop.environments}
    since = datetime.now(UTC)
    stop.wait(WATCH_SECONDS)
    for name in shop.environments:
        visits = visitors.since(since, name)
        good = sum(one.is_good for one in visits)
        if len(visits) < FEWEST or good < GOOD_SHARE * len(visits):
            return f"{len(visits) - good} of {len(visits)} customers of {name} were not served, or too late."
        grown = shop.memory_bytes(name) - before[name]
        if before[name] and grown > GROWTH_BYTES:
            return f"All are served, but {name} grew by {grown / MIB:.0f} MiB meanwhile, and has not finished."
    return "" if shop.starts() == starts else "A container died and came back meanwhile."


def counted(visits: Iterable[Visit]) -> tuple[int, int]:
    """How many customers came, and how many of them were served in time."""
    good = [one.is_good for one in visits]
    return len(good), sum(good)
