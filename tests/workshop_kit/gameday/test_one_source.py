"""No incident can be found from one source alone, and each can from all three."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import replace

import pytest

from tests.workshop_kit.gameday.recorded import HOSTS, RecordedShop, play
from workshop_kit.gameday.causes import CAUSES, SECRETS, Cause, more_memory
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
    shop.accepted = {name: text.strip() for name, (_, text) in shop.current.secrets.items()}


def rotate(shop: RecordedShop, incident: RecordedShop) -> None:
    """The dependency got another password without a release."""
    shop.accepted[SECRETS["redis" in incident.pings()]] = "another password"


def refuse(shop: RecordedShop, incident: RecordedShop) -> None:
    """The gateway to the dependency is the cause, and no release."""
    shop.gateways.set(REFUSES, *incident.pings())


def rename_host(shop: RecordedShop, incident: RecordedShop) -> None:
    """A release names a host that does not answer."""
    (name,) = incident.pings()
    shop.change(settings={HOSTS[name]: "a host that is gone"})


def take_memory(shop: RecordedShop) -> None:
    """A memory limit is below what it needs."""
    shop.service.leaks.clear()
    shop.change(memory_mib=24)


open_gateways = replayed(lambda shop: shop.gateways.set(OPEN))
no_leak = replayed(lambda shop: shop.service.leaks.clear())
little_memory = replayed(take_memory)
wrong_host = without_the_cause(rename_host)
DECOYS: dict[str, tuple[Decoy, Decoy, Decoy]] = {
    "monday": (replayed(accept), without_the_cause(rotate), without_the_cause(refuse)),
    "wednesday": (open_gateways, wrong_host, wrong_host),
    "thursday": (no_leak, little_memory, little_memory),
}
"""By day and source: a day that looks the same in this source but has another cause or none."""


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize(("source", "number"), [(source, number) for number, source in enumerate(SOURCES)])
@pytest.mark.parametrize("day", CAUSES)
def test_one_source_does_not_tell_an_incident_from_a_decoy_day(day: str, source: str, number: int, seed: int) -> None:
    """The source shows the same on both days; all three together show the difference."""
    incident = play(CAUSES[day], seed)
    assert incident.is_killed() or not incident.serves()
    decoy = DECOYS[day][number](CAUSES[day], incident, seed)
    assert incident.view(source) == decoy.view(source)
    assert any(incident.view(other_source) != decoy.view(other_source) for other_source in SOURCES)


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("day", CAUSES)
def test_a_kind_of_change_that_occurs_once_is_not_the_answer(day: str, seed: int) -> None:
    """Harmless releases stand around the cause; if it is a release, another one changes the same kind of setting."""
    shop = play(CAUSES[day], seed)
    assert len(shop.history) == (4 if day == "wednesday" else 5)
    suspects = {"monday": "secrets", "thursday": "code"}.get(day)
    if suspects:
        values = [getattr(release, suspects) for release in shop.history]
        assert sum(before != after for before, after in itertools.pairwise(values)) == 2
