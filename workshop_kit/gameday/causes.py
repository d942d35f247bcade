"""The five incidents: the cause that a seed chooses, among harmless releases.

A day also has harmless releases: one at the start, one at the end, and one right before or after the cause that changes
the same kind of thing. So neither the last release nor a suspicious one is the answer. No journal, label or name gives
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

PRODUCTION = ("production",)
ALL = ("production", "staging", "qa")
LIMITS_CPUS = (0.01, 0.02, 0.03, 0.04, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5, 0.75, 1.0, 1.5, 2.0)
"""CPU limits as people write them; the engine takes none below the first."""
FIRST_VERSION = 2
SECRETS = ("MASTER_DB_PASSWORD_FILE", "REDIS_PASSWORD_FILE")

ShopChange = Callable[[Shop, Random], None]


def harmless(setting: str, *choices: Any) -> ShopChange:
    """Return a change that releases one of the choices for a setting to a random environment."""

    def change(shop: Shop, random: Random) -> None:
        choice = random.choice(choices)
        _change_random_environment(shop, random, **{setting: choice})

    return change


more_memory = harmless("memory_mib", 112, 144, 160, 192)
fewer_cpus = harmless("cpus", 0.5, 0.6, 0.75)
time_limit = harmless(
    "settings", {"HTTP_DRAIN_SECONDS": "0.5"}, {"HTTP_DRAIN_SECONDS": "1.5"}, {"HTTP_DRAIN_SECONDS": "2"}
)
sql_mode = harmless("settings", {"MASTER_DB_SQL_MODE": "TRADITIONAL"})
new_label = harmless("team", "checkout", "payments")
HARMLESS = (more_memory, time_limit, sql_mode, new_label)


def new_code(shop: Shop, random: Random) -> None:
    """Release another version of the code, which differs by a comment."""
    version = shop.service.build()
    _change_random_environment(shop, random, code=version)


def same_secret(shop: Shop, random: Random) -> None:
    """Release a new version of the same password whose file ends with a newline, which the service strips."""
    current_secrets = shop.current(shop.environments[0]).secrets
    variable = _first_version_secret(current_secrets, random)
    _, password = current_secrets[variable]
    _change_random_environment(shop, random, secrets={variable: (FIRST_VERSION + 1, f"{password}\n")})


def stale_secret(shop: Shop, random: Random) -> None:
    """Release a secret that the dependency does not know: it was rotated in one place only."""
    current_secrets = shop.current("production").secrets
    variable = _first_version_secret(current_secrets, random)
    unknown_password = secrets.token_urlsafe(24)
    shop.change("production", secrets={variable: (FIRST_VERSION + 1, unknown_password)})


def small_size(shop: Shop, random: Random) -> None:
    """Release a CPU limit that is too low for today's customers."""
    too_low = shop.cpus_used("production") * random.choice((0.65, 0.7, 0.75))
    usual_limits = [limit for limit in LIMITS_CPUS if limit <= too_low]
    shop.change("production", cpus=max(usual_limits, default=LIMITS_CPUS[0]))


def half_open(shop: Shop, random: Random) -> None:
    """Make a gateway accept connections and pass nothing on."""
    dependency = random.choice(("master-db", "redis"))
    shop.gateways.set(dependency_proxies.HANGS, dependency)


def leak(shop: Shop, random: Random) -> None:
    """Release code that keeps every receipt in memory."""
    version = shop.service.build(leak_mib=random.choice((3.0, 3.5, 4.0)))
    shop.change("production", code=version)


def one_environment(shop: Shop, random: Random) -> None:
    """Make the replica critical in one of three environments, and begin the maintenance of the replica."""
    environment = random.choice(ALL)
    shop.change(environment, settings={"HEALTH_CRITICAL": "master-db,replica-db,redis"})
    shop.gateways.set(dependency_proxies.REFUSES, "replica-db")


@dataclass(frozen=True)
class Cause:
    """The cause of one incident: ``inject`` makes it.

    ``neighbor`` is the harmless release of the same kind that comes right before or after it. ``explanation`` is told
    at the end. ``first_change`` is the day's first release; None stands for a random one. ``notice`` is an announcement
    to the participant.
    """

    name: str
    inject: ShopChange
    neighbor: ShopChange
    explanation: str
    first_change: ShopChange | None = None
    environments: tuple[str, ...] = PRODUCTION
    notice: str = ""
    kills: bool = False  # the kernel kills the service; customers notice nothing before the first kill
    maintenance: str = ""  # a dependency that stays down even if the participant restarts its gateway


CAUSES: Mapping[str, Cause] = {
    cause.name: cause
    for cause in (
        Cause("monday", stale_secret, same_secret, "a release with a secret that the other side did not know"),
        Cause(
            "tuesday",
            small_size,
            more_memory,
            "a release with a CPU limit below what it needs: it was held back, again and again",
            first_change=fewer_cpus,  # so that two releases touched the limit
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
    """Return a day's changes: a harmless one, then the cause and its neighbor in random order, then a harmless one."""
    first_change = cause.first_change or random.choice(HARMLESS)
    unused_changes = [change for change in HARMLESS if change not in (first_change, cause.neighbor)]
    last_change = random.choice(unused_changes)
    middle_changes = random.sample((cause.inject, cause.neighbor), 2)
    return (first_change, *middle_changes, last_change)


def _first_version_secret(secret_by_variable: Mapping[str, tuple[int, str]], random: Random) -> str:
    """Return a random variable among those whose secret has its first version still."""
    shuffled_variables = random.sample(SECRETS, 2)
    return next(variable for variable in shuffled_variables if secret_by_variable[variable][0] == FIRST_VERSION)


def _change_random_environment(shop: Shop, random: Random, **changes: object) -> None:
    environment = random.choice(shop.environments)
    shop.change(environment, **changes)
