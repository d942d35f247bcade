"""What an image is made of, seen layer by layer."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

import pytest

from workshop_kit.engine import cleanup
from workshop_kit.engine.session import Session
from workshop_kit.learn.exercise.subjects import image_with_a_past
from workshop_kit.observe import layers


@pytest.fixture(autouse=True)
def nothing_left(session: Session) -> Iterator[None]:
    """The images that a test loads are gone after it."""
    yield
    assert cleanup.remove(session, {"kernel"}).left == []


def test_a_deleted_file_is_still_in_its_layer(session: Session) -> None:
    """What a later layer deleted is invisible, and weighs what it weighed; all else is visible."""
    files = layers.files(session.engine, image_with_a_past(session, Random(7)))
    hidden = files[~files.visible]
    assert list(hidden.path.str.rpartition("/")[0]) == ["srv/import"]
    assert hidden.instruction.iloc[0].startswith("COPY ")
    assert hidden.size_bytes.iloc[0] >= 5_000_000
    assert not files.path.str.contains(".wh.", regex=False).any()


def test_the_layers_weigh_what_their_files_weigh(session: Session) -> None:
    """The sum over all files, seen or not, is what the engine says the layers have."""
    tag = image_with_a_past(session, Random(8))
    assert layers.files(session.engine, tag).size_bytes.sum() == layers.layers(session.engine, tag).size_bytes.sum()


def test_replaced_files_and_emptied_folders_are_invisible_too() -> None:
    """A newer file of the same name, a file in place of a folder, and an opaque folder hide what lay below."""
    below = [("etc/a", 1), ("srv/x/one", 2), ("opt/deep/two", 3), ("opt/near", 4)]
    above = [("etc/a", 5), ("srv/x", 6), ("opt/deep/.wh..wh..opq", 0), ("opt/deep/new", 7)]
    rows = layers._with_visibility([("below", below), ("above", above)])
    assert {(path, size): seen for _, _, path, size, seen in rows} == {
        ("etc/a", 1): False,
        ("srv/x/one", 2): False,
        ("opt/deep/two", 3): False,
        ("opt/near", 4): True,
        ("etc/a", 5): True,
        ("srv/x", 6): True,
        ("opt/deep/new", 7): True,
    }


def test_the_same_seed_makes_the_same_image(session: Session) -> None:
    """A table that shares a seed shares the numbers; another seed has others."""
    one, same, other = (layers.files(session.engine, image_with_a_past(session, Random(seed))) for seed in (1, 1, 2))
    assert one.equals(same)
    assert not one.equals(other)
