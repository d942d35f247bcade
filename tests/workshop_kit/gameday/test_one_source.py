"""No incident can be found from one source alone, and each can from all three."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import replace
from random import Random

import pytest

from tests.workshop_kit.gameday.recorded import HOSTS, RecordedShop, play
from workshop_kit.gameday.causes import CAUSES, SECRETS, Cause, more_memory, small_size
from workshop_kit.trials.dependency_proxies import OPEN, REFUSES

SOURCES = ("configuration", "logs", "metrics")
SEEDS = (1, 2, 3)
Decoy = Callable[[Cause, RecordedShop, int], RecordedShop]


def replayed(change: Callable[[RecordedShop], object]) -> Decoy:
    """The same releases, and then a change around them."""

    def decoy(cause: Cause, incident: RecordedShop, seed: int) -> RecordedShop:
        change(shop := play(cause, seed))
        return shop

    return decoy


def without_the_cause(change: Callable[[RecordedShop, RecordedShop], object]) -> Decoy:
    """A harmless release in place of the cause, and then a change, which knows the incident."""

    def decoy(cause: Cause, incident: RecordedShop, seed: int) -> RecordedShop:
        change(shop := play(replace(cause, inject=more_memory), seed), incident)
        return shop

    return decoy


def accept(shop: RecordedShop) -> None:
    """The new secret was rotated on both sides."""
    shop.accepted = {name: text.strip() for name, (_, text) in shop.current("production").secrets.items()}


def rotate(shop: RecordedShop, incident: RecordedShop) -> None:
    """The dependency got another password without a release."""
    shop.accepted[SECRETS["redis" in incident.pings("production")]] = "another password"


def refuse(shop: RecordedShop, incident: RecordedShop) -> None:
    """The gateway to the dependency is the cause, and no release."""
    shop.gateways.set(REFUSES, *incident.pings("production"))


def rename_host(shop: RecordedShop, incident: RecordedShop) -> None:
    """A release names a host that does not answer."""
    (name,) = incident.pings("production")
    shop.change("production", settings={HOSTS[name]: "a host that is gone"})


def take_memory(shop: RecordedShop) -> None:
    """A memory limit is below what it needs."""
    shop.service.leaks.clear()
    shop.change("production", memory_mib=24)


def code_without_a_fallback(cause: Cause, incident: RecordedShop, seed: int) -> RecordedShop:
    """New code needs the replica, whatever its settings are."""
    shop = play(cause, seed)
    (suffering,) = [name for name in incident.environments if not incident.is_ready(name)]
    shop.service.needs_replica.add(version := shop.service.build())
    shop.change(suffering, settings={"HEALTH_CRITICAL": "master-db,redis"}, code=version)
    return shop


few_customers = replayed(lambda shop: setattr(shop, "demand_cpus", 0.01))
many_customers = without_the_cause(lambda shop, _: setattr(shop, "demand_cpus", 2.0))
open_gateways = replayed(lambda shop: shop.gateways.set(OPEN))
no_leak = replayed(lambda shop: shop.service.leaks.clear())
little_memory = replayed(take_memory)
wrong_host = without_the_cause(rename_host)
DECOYS: dict[str, tuple[Decoy, Decoy, Decoy]] = {
    "monday": (replayed(accept), without_the_cause(rotate), without_the_cause(refuse)),
    "tuesday": (few_customers, many_customers, many_customers),
    "wednesday": (open_gateways, wrong_host, wrong_host),
    "thursday": (no_leak, little_memory, little_memory),
    "friday": (open_gateways, code_without_a_fallback, code_without_a_fallback),
}
"""By day and source: a day that looks the same in this source but has another cause or none."""


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize(("source", "number"), [(source, number) for number, source in enumerate(SOURCES)])
@pytest.mark.parametrize("day", CAUSES)
def test_one_source_does_not_tell_an_incident_from_a_decoy_day(day: str, source: str, number: int, seed: int) -> None:
    """The source shows the same on both days; all three together show the difference."""
    incident = play(CAUSES[day], seed)
    assert not all(incident.serves(name) and not incident.is_killed(name) for name in incident.environments)
    decoy = DECOYS[day][number](CAUSES[day], incident, seed)
    assert incident.view(source) == decoy.view(source)
    assert any(incident.view(other_source) != decoy.view(other_source) for other_source in SOURCES)


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("day", CAUSES)
def test_a_kind_of_change_that_occurs_once_is_not_the_answer(day: str, seed: int) -> None:
    """Harmless releases stand around the cause; if it is a release, another one changes the same kind of setting."""
    shop = play(CAUSES[day], seed)
    assert len(shop.history) == len(CAUSES[day].environments) + (3 if day == "wednesday" else 4)
    suspects = {"monday": "secrets", "tuesday": "cpus", "thursday": "code"}.get(day)
    if suspects:
        values = [getattr(release, suspects) for release in shop.history]
        assert sum(before != after for before, after in itertools.pairwise(values)) == 2


@pytest.mark.parametrize(
    ("needs_cpus", "limits"), [(0.06, (0.03, 0.04)), (0.1, (0.05,)), (0.25, (0.15,)), (0.9, (0.5,))]
)
@pytest.mark.parametrize("seed", SEEDS)
def test_tuesdays_limit_is_a_number_as_people_write_it(needs_cpus: float, limits: tuple[float, ...], seed: int) -> None:
    """It is below what the customers need, but no measured fraction."""
    shop = RecordedShop(("production",))
    shop.demand_cpus = needs_cpus
    small_size(shop, Random(seed))
    assert shop.current("production").cpus in limits
    assert not shop.serves("production")
