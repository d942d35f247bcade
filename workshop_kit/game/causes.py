"""The five incidents: what is done to a shop, by a seed, and nothing that gives it away.

Harmless releases come before and after, so that "whatever came last" is no answer. Nothing is written to the faults'
journal, no label and no name tells: what there is to find is in releases, settings, lines, charts and health.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

from workshop_kit.engine.stack import Stack
from workshop_kit.errors import WorkshopError
from workshop_kit.game.shop import Shop
from workshop_kit.learn.exercise import doors

ORDERS = "workshop_app/orders.py"
PRODUCTION = ("production",)
ALL = ("production", "staging", "qa")
HARMLESS: tuple[Mapping[str, str], ...] = (
    {"HTTP_DRAIN_SECONDS": "1.5"},
    {"LOG_LEVEL": "debug"},
    {"MASTER_DB_SQL_MODE": "TRADITIONAL"},
)

Strike = Callable[[Shop, Random], None]


@dataclass(frozen=True)
class Cause:
    """One incident: ``strike`` does it; ``told`` says at the end what it was. ``notice`` is what everybody knows."""

    name: str
    strike: Strike
    told: str
    environments: tuple[str, ...] = PRODUCTION
    notice: str = ""
    kills: bool = False  # the kernel kills the service again and again: until the first time nothing is to be felt
    maintenance: str = ""  # a dependency that is away, as announced, whatever the participant restarts


def stale_secret(shop: Shop, random: Random) -> None:
    """A secret was rotated where it is kept and not where it is used: a release brings one that nobody knows."""
    variable = random.choice(("MASTER_DB_PASSWORD_FILE", "REDIS_PASSWORD_FILE"))
    version, _ = shop.current("production").secrets[variable]
    shop.change("production", secrets={variable: (version + 1, secrets.token_urlsafe(24))})


def small_size(shop: Shop, random: Random) -> None:
    """Somebody saves money: a twentieth of a core."""
    shop.change("production", cpus=random.choice((0.04, 0.05, 0.06)))


def half_open(shop: Shop, random: Random) -> None:
    """A gateway takes connections, and passes on nothing any more: whoever waits for it fills the pool."""
    shop.gateways.set(**{random.choice(("master_db", "redis")): doors.HANGS})


def leak(shop: Shop, random: Random) -> None:
    """A release that remembers every receipt."""
    now = shop.current("production")
    modules = {ORDERS: leaking(_orders(shop.stack, now.modules), random.choice((3.0, 3.5, 4.0)))}
    shop.change("production", modules=modules, code=now.code + 1)


def one_environment(shop: Shop, random: Random) -> None:
    """One of three cannot do without the replica, whose maintenance has been announced."""
    chosen = random.choice(ALL)
    shop.change(chosen, settings={"HEALTH_CRITICAL": "master-db,replica-db,redis"})
    shop.gateways.set(replica_db=doors.REFUSES)


def harmless(shop: Shop, random: Random) -> None:
    """A release that changes something, and hurts nobody."""
    environment = random.choice(shop.environments)
    now = shop.current(environment).settings
    fresh = [one for one in HARMLESS if any(now.get(name) != value for name, value in one.items())]
    shop.change(environment, settings=random.choice(fresh or HARMLESS))


def leaking(source: str, mib: float) -> str:
    """The orders module, with a dictionary that only grows. Raises WorkshopError if it looks otherwise by now."""
    place, first = "    body = _to_json(order)\n    await _ask_cache", "log = logs.get_logger(__name__)\n"
    if source.count(place) != 1 or source.count(first) != 1:
        raise WorkshopError(f"{ORDERS} is not as this incident knows it.", "Run ./workshop update, then try again.")
    keep = f'    _receipts[order["id"]] = body.ljust({round(mib * 1024 * 1024)})\n'
    grown = source.replace(place, place.replace("    await", f"{keep}    await"))
    return grown.replace(first, f"{first}\n_receipts: dict[int, bytes] = {{}}  # for whoever asks for one again\n")


def _orders(stack: Stack, modules: Mapping[str, Any]) -> str:
    return str(modules.get(ORDERS) or Path(stack.root, ORDERS).read_text(encoding="utf-8"))


CAUSES: Mapping[str, Cause] = {
    one.name: one
    for one in (
        Cause("monday", stale_secret, "a release with a secret that the other side did not know"),
        Cause("tuesday", small_size, "a release with a CPU limit far too small: it was held back, again and again"),
        Cause("wednesday", half_open, "a gateway that took connections and never answered; no release was to blame"),
        Cause(
            "thursday",
            leak,
            "a release that kept every receipt: it grew until the kernel killed it, and again",
            kills=True,
        ),
        Cause(
            "friday",
            one_environment,
            "a setting in one of three environments, which could not do without the replica",
            ALL,
            "replica-db is away today, for maintenance. That was announced: no customer should notice.",
            maintenance="replica-db",
        ),
    )
}
"""By day. Which is which, the participant finds out."""
