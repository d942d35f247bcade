"""The three incidents: the cause that a seed chooses, among harmless releases.

A day also has harmless releases: one at the start, one at the end, and one right before or after the cause that changes
the same kind of thing. So neither the last release nor a suspicious one is the answer. No marker, label or name gives
the cause away.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from random import Random
from typing import Any

from workshop_kit.gameday.shop import Shop
from workshop_kit.trials import dependency_proxies

FIRST_VERSION = 2
SECRETS = ("MASTER_DB_PASSWORD_FILE", "REDIS_PASSWORD_FILE")

ShopChange = Callable[[Shop, Random], None]


def harmless(setting: str, *choices: Any) -> ShopChange:
    """Return a change that releases one of the choices for a setting."""

    def change(shop: Shop, random: Random) -> None:
        choice = random.choice(choices)
        shop.change(**{setting: choice})

    return change


more_memory = harmless("memory_mib", 112, 144, 160, 192)
time_limit = harmless(
    "settings", {"HTTP_DRAIN_SECONDS": "0.5"}, {"HTTP_DRAIN_SECONDS": "1.5"}, {"HTTP_DRAIN_SECONDS": "2"}
)
sql_mode = harmless("settings", {"MASTER_DB_SQL_MODE": "TRADITIONAL"})
new_label = harmless("team", "checkout", "payments")
HARMLESS = (more_memory, time_limit, sql_mode, new_label)


def new_code(shop: Shop, _: Random) -> None:
    """Release another version of the code, which differs by a comment."""
    version = shop.service.build()
    shop.change(code=version)


def same_secret(shop: Shop, random: Random) -> None:
    """Release a new version of the same password whose file ends with a newline, which the service strips."""
    variable = _first_version_secret(shop.current.secrets, random)
    _, password = shop.current.secrets[variable]
    shop.change(secrets={variable: (FIRST_VERSION + 1, f"{password}\n")})


def stale_secret(shop: Shop, random: Random) -> None:
    """Release a secret that the dependency does not know: it was rotated in one place only."""
    variable = _first_version_secret(shop.current.secrets, random)
    unknown_password = secrets.token_urlsafe(24)
    shop.change(secrets={variable: (FIRST_VERSION + 1, unknown_password)})


def half_open(shop: Shop, random: Random) -> None:
    """Make a gateway accept connections and pass nothing on."""
    dependency = random.choice(("master-db", "redis"))
    shop.gateways.set(dependency_proxies.HANGS, dependency)


def leak(shop: Shop, random: Random) -> None:
    """Release code that keeps every receipt in memory."""
    version = shop.service.build(leak_mib=random.choice((3.0, 3.5, 4.0)))
    shop.change(code=version)


@dataclass(frozen=True)
class Cause:
    """The cause of one incident: ``inject`` makes it.

    ``neighbor`` is the harmless release of the same kind that comes right before or after it. ``explanation`` is told
    at the end.
    """

    name: str
    inject: ShopChange
    neighbor: ShopChange
    explanation: str
    kills: bool = False  # the kernel kills the service; customers notice nothing before the first kill


CAUSES: Mapping[str, Cause] = {
    cause.name: cause
    for cause in (
        Cause("monday", stale_secret, same_secret, "a release with a secret that the other side did not know"),
        Cause(
            "wednesday",
            half_open,
            time_limit,
            "a gateway that took connections and never answered; no release was to blame",
        ),
        Cause(
            "thursday",
            leak,
            new_code,
            "a release that kept every receipt: it grew until the kernel killed it, and again",
            kills=True,
        ),
    )
}


def plan(cause: Cause, random: Random) -> tuple[ShopChange, ...]:
    """Return a day's changes: a harmless one, then the cause and its neighbor in random order, then a harmless one."""
    first_change = random.choice(HARMLESS)
    unused_changes = [change for change in HARMLESS if change not in (first_change, cause.neighbor)]
    last_change = random.choice(unused_changes)
    middle_changes = random.sample((cause.inject, cause.neighbor), 2)
    return (first_change, *middle_changes, last_change)


def _first_version_secret(secret_by_variable: Mapping[str, tuple[int, str]], random: Random) -> str:
    """Return a random variable among those whose secret has its first version still."""
    shuffled_variables = random.sample(SECRETS, 2)
    return next(variable for variable in shuffled_variables if secret_by_variable[variable][0] == FIRST_VERSION)
