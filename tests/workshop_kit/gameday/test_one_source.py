"""No incident can be found from one source alone, and each can from all three."""

from __future__ import annotations

import itertools
from dataclasses import replace
from random import Random

import pytest

from tests.workshop_kit.gameday.recorded import HOSTS, RecordedShop, play
from workshop_kit.exercises import dependency_proxies
from workshop_kit.gameday.causes import CAUSES, SECRETS, more_memory, small_size

SOURCES = ("configuration", "logs", "metrics")
SEEDS = (1, 2, 3)


def accepted(shop: RecordedShop, _: RecordedShop) -> None:
    """The new secret was rotated on both sides."""
    shop.accepted = {name: text.strip() for name, (_, text) in shop.current("production").secrets.items()}


def rotated_at_the_other_side(shop: RecordedShop, incident: RecordedShop) -> None:
    """The dependency got another password without a release."""
    shop.accepted[SECRETS["redis" in incident.pings("production")]] = "another password"


def refusing_gateway(shop: RecordedShop, incident: RecordedShop) -> None:
    """The gateway to the dependency refuses."""
    shop.gateways.set(**{name.replace("-", "_"): dependency_proxies.REFUSES for name in incident.pings("production")})


def few_customers(shop: RecordedShop, _: RecordedShop) -> None:
    """The same limit is enough for today's customers."""
    shop.demand_cpus = 0.01


def many_customers(shop: RecordedShop, _: RecordedShop) -> None:
    """The limit is the usual one, and customers need more CPU."""
    shop.demand_cpus = 2.0


def open_gateways(shop: RecordedShop, _: RecordedShop) -> None:
    """The same releases, and nothing around the service is broken."""
    shop.gateways.set()


def wrong_host(shop: RecordedShop, incident: RecordedShop) -> None:
    """A release names a host that does not answer."""
    (name,) = incident.pings("production")
    shop.change("production", settings={HOSTS[name]: "a host that is gone"})


def no_leak(shop: RecordedShop, _: RecordedShop) -> None:
    """The same releases, and none of the code leaks."""
    shop.service.leaks.clear()


def little_memory(shop: RecordedShop, _: RecordedShop) -> None:
    """A memory limit is below what it needs."""
    shop.service.leaks.clear()
    shop.change("production", memory_mib=24)


def code_without_a_fallback(shop: RecordedShop, _: RecordedShop) -> None:
    """New code needs the replica, whatever its settings are."""
    (suffering,) = [name for name in shop.environments if not shop.is_ready(name)]
    shop.service.needs_replica.add(version := shop.service.build())
    shop.change(suffering, settings={"HEALTH_CRITICAL": "master-db,redis"}, code=version)


DECOYS = {
    "monday": (accepted, rotated_at_the_other_side, refusing_gateway),
    "tuesday": (few_customers, many_customers, many_customers),
    "wednesday": (open_gateways, wrong_host, wrong_host),
    "thursday": (no_leak, little_memory, little_memory),
    "friday": (open_gateways, code_without_a_fallback, code_without_a_fallback),
}
"""By day and source: what makes a day that looks the same in this source but has another cause or none."""
WITHOUT_THE_CAUSE = (rotated_at_the_other_side, refusing_gateway, many_customers, wrong_host)
"""Decoys of a day on which a harmless release stands in the cause's place."""


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
    change = DECOYS[day][number]
    decoy = play(replace(CAUSES[day], inject=more_memory) if change in WITHOUT_THE_CAUSE else CAUSES[day], seed)
    change(decoy, incident)
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


def test_the_limit_is_below_what_customers_need() -> None:
    """On a machine of any speed."""
    shop = RecordedShop(("production",))
    small_size(shop, Random(1))
    assert shop.is_held_back("production")
