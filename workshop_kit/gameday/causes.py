"""The five incidents: the cause that a seed chooses, among harmless releases.

A day has harmless releases before and after its cause, and one beside it that changes the same kind of thing: neither
the last release nor a suspicious one is the answer. No journal, label or name gives the cause away.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from random import Random
from typing import Any

from workshop_kit.gameday.shop import Shop
from workshop_kit.trials import dependency_proxies

PRODUCTION = ("production",)
ALL = ("production", "staging", "qa")
LIMITS_CPUS = (0.01, 0.02, 0.03, 0.04, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5, 0.75, 1.0, 1.5, 2.0)
"""CPU limits as people write them; the engine takes none below the first."""
FIRST_VERSION = 2
SECRETS = ("MASTER_DB_PASSWORD_FILE", "REDIS_PASSWORD_FILE")

ShopChange = Callable[[Shop, Random], None]


def harmless(setting: str, *choices: Any) -> ShopChange:
    """Return a change that releases one of several harmless choices to one of the environments."""

    def change(shop: Shop, random: Random) -> None:
        _change(shop, random, **{setting: random.choice(choices)})

    return change


more_memory = harmless("memory_mib", 112, 144, 160, 192)
fewer_cpus = harmless("cpus", 0.5, 0.6, 0.75)
time_limit = harmless("settings", *({"HTTP_DRAIN_SECONDS": text} for text in ("0.5", "1.5", "2")))
sql_mode = harmless("settings", {"MASTER_DB_SQL_MODE": "TRADITIONAL"})
new_label = harmless("team", "checkout", "payments")
HARMLESS = (more_memory, time_limit, sql_mode, new_label)


def new_code(shop: Shop, random: Random) -> None:
    """Release another version of the code, with a new comment."""
    _change(shop, random, code=shop.service.build())


def same_secret(shop: Shop, random: Random) -> None:
    """Release a new version of the same password whose file ends with a newline, which the service strips."""
    current = shop.current(shop.environments[0])
    variable = next(name for name in random.sample(SECRETS, 2) if current.secrets[name][0] == FIRST_VERSION)
    _change(shop, random, secrets={variable: (FIRST_VERSION + 1, f"{current.secrets[variable][1]}\n")})


def stale_secret(shop: Shop, random: Random) -> None:
    """Release a secret that the dependency does not know: it was rotated in one place only."""
    current_secrets = shop.current("production").secrets
    variable = next(name for name in random.sample(SECRETS, 2) if current_secrets[name][0] == FIRST_VERSION)
    shop.change("production", secrets={variable: (FIRST_VERSION + 1, secrets.token_urlsafe(24))})


def small_size(shop: Shop, random: Random) -> None:
    """Release a CPU limit that is too low for today's customers."""
    too_low = shop.cpus_used("production") * random.choice((0.65, 0.7, 0.75))
    below = [limit for limit in LIMITS_CPUS if limit <= too_low]
    shop.change("production", cpus=max(below, default=LIMITS_CPUS[0]))


def half_open(shop: Shop, random: Random) -> None:
    """Make a gateway accept connections and pass nothing on."""
    shop.gateways.set(dependency_proxies.HANGS, random.choice(("master-db", "redis")))


def leak(shop: Shop, random: Random) -> None:
    """Release code that keeps every receipt in memory."""
    shop.change("production", code=shop.service.build(leak_mib=random.choice((3.0, 3.5, 4.0))))


def one_environment(shop: Shop, random: Random) -> None:
    """Make the replica critical in one of three environments, and begin its maintenance."""
    shop.change(random.choice(ALL), settings={"HEALTH_CRITICAL": "master-db,replica-db,redis"})
    shop.gateways.set(dependency_proxies.REFUSES, "replica-db")


@dataclass(frozen=True)
class Cause:
    """The cause of one incident: ``inject`` happens right before or after ``beside``, a harmless release of its kind.

    ``explanation`` is told at the end; ``first`` is the day's first release (None: any), ``notice`` an announcement to
    the participant.
    """

    name: str
    inject: ShopChange
    beside: ShopChange
    explanation: str
    first: ShopChange | None = None
    environments: tuple[str, ...] = PRODUCTION
    notice: str = ""
    kills: bool = False  # the kernel kills the service: customers notice nothing before the first time
    maintenance: str = ""  # a dependency that stays down, whatever the participant restarts


CAUSES: Mapping[str, Cause] = {
    cause.name: cause
    for cause in (
        Cause("monday", stale_secret, same_secret, "a release with a secret that the other side did not know"),
        Cause(
            "tuesday",
            small_size,
            more_memory,
            "a release with a CPU limit below what it needs: it was held back, again and again",
            first=fewer_cpus,  # so that two releases touched the limit
        ),
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
        Cause(
            "friday",
            one_environment,
            sql_mode,
            "a setting in one of three environments, which could not do without the replica",
            environments=ALL,
            notice="replica-db is away today, for maintenance. That was announced: no customer should notice.",
            maintenance="replica-db",
        ),
    )
}


def plan(cause: Cause, random: Random) -> tuple[ShopChange, ...]:
    """Return a day's changes in order: a harmless release, the cause and the one beside it, one more."""
    first_change = cause.first or random.choice(HARMLESS)
    last_change = random.choice([change for change in HARMLESS if change not in (first_change, cause.beside)])
    return (first_change, *random.sample((cause.inject, cause.beside), 2), last_change)


def _change(shop: Shop, random: Random, **changes: object) -> None:
    shop.change(random.choice(shop.environments), **changes)
