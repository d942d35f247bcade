"""A room's seats: their codes, their networks, and how many a machine carries."""

from __future__ import annotations

import stat
from itertools import combinations

import pytest

from workshop_kit.errors import NotReady, WrongUsage
from workshop_kit.machine import GIB
from workshop_kit.seats.hub_seats import FILE, INSTRUCTOR, MOST_SEATS, HubSettings, capacity, folder_of
from workshop_kit.workspace.folder import Workspace

IMAGE = "workshop/seat:1"


def test_a_seat_keeps_its_code(empty_workspace: Workspace) -> None:
    """Preparing more seats gives codes to the new ones alone; nobody else on the machine reads them."""
    two = HubSettings.prepare(empty_workspace, 2, IMAGE)
    assert (two.seats, len({*two.codes.values()})) == (["seat01", "seat02"], 3)
    three = HubSettings.prepare(empty_workspace, 3, IMAGE)
    assert {**three.codes, **two.codes} == three.codes
    assert HubSettings.read(empty_workspace) == three
    assert stat.S_IMODE((folder_of(empty_workspace) / FILE).stat().st_mode) == 0o600


def test_every_user_has_a_network_and_volumes_of_their_own(empty_workspace: Workspace) -> None:
    """No two networks overlap, the largest room included, and the hub listens in its own."""
    settings = HubSettings.prepare(empty_workspace, MOST_SEATS, IMAGE)
    networks = settings.networks()
    assert len(networks) == MOST_SEATS + 2
    assert not any(one.overlaps(other) for one, other in combinations(networks.values(), 2))
    assert settings.address in {str(host) for host in networks[settings.prefix].hosts()}
    assert len({*settings.volumes()}) == 2 * len(settings.codes)
    assert {f"{settings.prefix}-{INSTRUCTOR}", f"{settings.prefix}-seat01"} < networks.keys()


@pytest.mark.parametrize("seats", [0, MOST_SEATS + 1])
def test_a_wrong_number_of_seats_changes_nothing(empty_workspace: Workspace, seats: int) -> None:
    """The sentence names the numbers that there are."""
    with pytest.raises(WrongUsage, match=f"from 1 to {MOST_SEATS}"):
        HubSettings.prepare(empty_workspace, seats, IMAGE)
    with pytest.raises(NotReady, match="The hub is not prepared"):
        HubSettings.read(empty_workspace)


@pytest.mark.parametrize(
    ("memory_gib", "disk_bytes", "seats"),
    [(81, 10**12, 39), (82, 19_900_000_000, 9), (82, None, 40), (1, 10**12, 0)],
    ids=["memory", "disk", "disk not known", "too small"],
)
def test_what_is_scarce_decides_the_capacity(memory_gib: int, disk_bytes: int | None, seats: int) -> None:
    """2 GiB of memory and 2 GB of disk for each seat, after 2 GiB for the machine."""
    found, sentence = capacity(memory_gib * GIB, disk_bytes)
    assert found == seats
    assert sentence.startswith(f"This machine carries {seats} seats: ")
