"""No incident can be found from one source alone, and each can from all three."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import replace
from random import Random

import pytest

from tests.workshop_kit.gameday.recorded import HOSTS, RecordedShop, play
from workshop_kit.exercises import dependency_proxies
from workshop_kit.gameday.causes import CAUSES, SECRETS, Cause, ShopChange, more_memory
from workshop_kit.gameday.shop import Shop

SOURCES = ("configuration", "logs", "metrics")
SEEDS = (1, 2, 3)
Decoy = Callable[[Cause, RecordedShop, int], RecordedShop]


def accepted(cause: Cause, incident: RecordedShop, seed: int) -> RecordedShop:
    """The new secret was rotated on both sides."""
    shop = play(cause, seed)
    shop.accepted = {name: text.strip() for name, (_, text) in shop.current("production").secrets.items()}
    return shop


def rotated_at_the_other_side(cause: Cause, incident: RecordedShop, seed: int) -> RecordedShop:
    """The dependency got another password without a release."""
    shop = play(replace(cause, inject=more_memory), seed)
    shop.accepted[SECRETS["redis" in incident.pings("production")]] = "another password"
    return shop


def gateway(state: str) -> Decoy:
    """The gateway to the dependency is the cause, and no release."""

    def decoy(cause: Cause, incident: RecordedShop, seed: int) -> RecordedShop:
        shop = play(replace(cause, inject=more_memory), seed)
        shop.gateways.set(**{name.replace("-", "_"): state for name in incident.pings("production")})
        return shop

    return decoy


def few_customers(cause: Cause, incident: RecordedShop, seed: int) -> RecordedShop:
    """The same limit is enough for today's customers."""
    shop = play(cause, seed)
    shop.demand_cpus = 0.01
    return shop


def many_customers(cause: Cause, incident: RecordedShop, seed: int) -> RecordedShop:
    """The limit is the usual one, and customers need more CPU."""
    shop = play(replace(cause, inject=more_memory), seed)
    shop.demand_cpus = 2.0
    return shop


def nothing_around_it(cause: Cause, incident: RecordedShop, seed: int) -> RecordedShop:
    """The same releases, and every gateway is open."""
    shop = play(cause, seed)
    shop.gateways.set()
    return shop


def wrong_host(cause: Cause, incident: RecordedShop, seed: int) -> RecordedShop:
    """A release names a host that does not answer."""
    (name,) = incident.pings("production")
    return play(replace(cause, inject=_release(settings={HOSTS[name]: "a host that is gone"})), seed)


def no_leak(cause: Cause, incident: RecordedShop, seed: int) -> RecordedShop:
    """The same releases, and none of the code leaks."""
    shop = play(cause, seed)
    shop.service.leaks.clear()
    return shop


def little_memory(cause: Cause, incident: RecordedShop, seed: int) -> RecordedShop:
    """A memory limit is below what it needs."""
    shop = play(cause, seed)
    shop.service.leaks.clear()
    shop.change("production", memory_mib=24)
    return shop


def code_without_a_fallback(cause: Cause, incident: RecordedShop, seed: int) -> RecordedShop:
    """New code needs the replica, whatever its settings are."""
    shop = play(cause, seed)
    (suffering,) = [name for name in incident.environments if not incident.is_ready(name)]
    shop.service.needs_replica.add(version := shop.service.build())
    shop.change(suffering, settings={"HEALTH_CRITICAL": "master-db,redis"}, code=version)
    return shop


def _release(**changes: object) -> ShopChange:
    def inject(shop: Shop, _: Random) -> None:
        shop.change("production", **changes)

    return inject


DECOYS: dict[str, tuple[Decoy, Decoy, Decoy]] = {
    "monday": (accepted, rotated_at_the_other_side, gateway(dependency_proxies.REFUSES)),
    "tuesday": (few_customers, many_customers, many_customers),
    "wednesday": (nothing_around_it, wrong_host, wrong_host),
    "thursday": (no_leak, little_memory, little_memory),
    "friday": (nothing_around_it, code_without_a_fallback, code_without_a_fallback),
}
"""By day and source: a day that looks the same in this source but has another cause or none."""


def test_every_incident_has_its_decoys() -> None:
    """A new incident needs decoys of its own."""
    assert set(DECOYS) == set(CAUSES)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize(("source", "number"), [(source, number) for number, source in enumerate(SOURCES)])
@pytest.mark.parametrize("day", CAUSES)
def test_one_source_does_not_tell_an_incident_from_a_decoy_day(day: str, source: str, number: int, seed: int) -> None:
    """The source shows the same on both days; all three together show the difference."""
    incident = play(CAUSES[day], seed)
    assert not all(incident.serves(name) and not incident.is_killed(name) for name in incident.environments)
    decoy = DECOYS[day][number](CAUSES[day], incident, seed)
    assert incident.view(source) == decoy.view(source)
    assert any(incident.view(other) != decoy.view(other) for other in SOURCES)


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("day", CAUSES)
def test_a_kind_of_change_that_occurs_once_is_not_the_answer(day: str, seed: int) -> None:
    """Harmless releases stand around the cause; if it is a release, another one changes the same kind of setting."""
    shop = play(CAUSES[day], seed)
    assert len(shop.history) == len(CAUSES[day].environments) + (3 if day == "wednesday" else 4)
    suspects = {"monday": "secrets", "tuesday": "cpus", "thursday": "code"}.get(day)
    if suspects:
        values = [getattr(one, suspects) for one in shop.history]
        assert sum(before != after for before, after in itertools.pairwise(values)) == 2
