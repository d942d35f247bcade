"""Three texts of a definition decide: what the lessons have brought so far, the participant's, and the cell's."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from workshop_kit.workspace.merge import Cell, Change, Merged, Record, is_same_in, merge_file, restore
from workshop_kit.workspace.steps import LessonStep, later_names

PATH = "my_service/shop.py"
FIRST = '''"""A shop."""

from time import sleep

LIMIT = 1


class Shop:
    """It sells."""

    name = "tea"
    is_open = True


def sell():
    sleep(LIMIT)
    return None
'''
WHOLE = Change(PATH, FIRST, is_whole=True)
LIMIT = Change(PATH, "LIMIT = 2\n")
SELL = Change(PATH, 'def sell():\n    return "mate"\n')
ALL = Change(PATH, 'LIMIT = 2\n\n\ndef sell():\n    return "tea"\n', is_whole=True)
CLOSED = Change(PATH, 'class Shop:\n    """It sells."""\n\n    name = "tea"\n')
OWN = "\n\ndef own():\n    sleep(7)\n\n\n# the end\n"


def merge(change: Change, ours: str, base: str) -> Merged:
    """Run a lesson's cell on a file, of which the lessons have brought the base."""
    return merge_file(Cell(change, change, "01_shop/cell"), ours, Record(base))


def outcome(merged: Merged) -> tuple[str, str]:
    """The file, and what the lessons have brought of it, where nothing of the participant's was touched or left."""
    assert (merged.replaced, merged.changed, merged.deleted) == ((), (), ())
    return merged.text, merged.record.text


def test_nothing_new_and_mine_stays() -> None:
    """What a cell brought before does not come again; it names what it shows otherwise, and what was deleted."""
    mine = FIRST.replace("LIMIT = 1", "LIMIT = 10")
    merged = merge(WHOLE, mine, FIRST)
    assert (merged.text, merged.record.text) == (mine, FIRST)
    assert (merged.replaced, merged.changed, merged.deleted) == ((), ("LIMIT",), ())

    without = FIRST.replace("LIMIT = 1\n", "")
    merged = merge(WHOLE, without, FIRST)
    assert (merged.text, merged.record.text) == (without, FIRST)
    assert (merged.replaced, merged.changed, merged.deleted) == ((), (), ("LIMIT",))


def test_mine_is_untouched_and_the_new_one_comes() -> None:
    """All else stays, also what is the participant's own."""
    mine = FIRST.replace("return None", "return 3") + OWN
    after = (mine.replace("LIMIT = 1", "LIMIT = 2"), FIRST.replace("LIMIT = 1", "LIMIT = 2"))
    assert outcome(merge(LIMIT, mine, FIRST)) == after


@pytest.mark.parametrize(
    "edited",
    [
        lambda text: text.replace("\n", "\r\n"),
        lambda text: text.replace('"tea"', "'tea'").replace("\n\n\n", "\n\n"),
        lambda text: text.replace("sleep(LIMIT)", "sleep(\n        LIMIT,\n    )"),
    ],
    ids=["CRLF", "formatter", "long lines"],
)
def test_a_formatter_changes_nothing(edited: Callable[[str], str]) -> None:
    """Its file stays as it is where nothing is new, and gets new lines without a word about replaced ones."""
    mine = edited(FIRST)
    assert outcome(merge(WHOLE, mine, FIRST)) == (mine, FIRST)
    for change in (LIMIT, SELL, ALL, Change(PATH, "class Shop:\n    # …\n    price = 1\n    # …\n")):
        merged = merge(change, mine, FIRST)
        assert not merged.replaced
        assert is_same_in(PATH, merged.text, merged.record.text, ["LIMIT", "sell", "Shop.price"])
        assert ("\r\n" in merged.text) == ("\r\n" in mine)


def test_a_whole_cell_takes_definitions_away() -> None:
    """Those that the lessons brought; the participant's own ones stay, with the imports that they use."""
    assert outcome(merge(ALL, FIRST, FIRST)) == (ALL.text, ALL.text)

    mine = FIRST.replace('"tea"', '"coffee"').replace("= True", "= True\n    mine = 1") + OWN
    merged = merge(ALL, mine, FIRST)
    assert merged.text == f'from time import sleep\n\nLIMIT = 2\n\n\ndef sell():\n    return "tea"\n{OWN}'
    assert merged.replaced == ("Shop.name", "Shop.mine")
    assert merged.record.text == ALL.text


def test_a_whole_class_takes_members_away() -> None:
    """Own fields stay."""
    merged = merge(CLOSED, FIRST.replace("    is_open", "    mine = 1\n    is_open"), FIRST)
    assert merged.text == FIRST.replace("    is_open = True\n", "    mine = 1\n")
    assert merged.record.text == FIRST.replace("    is_open = True\n", "")


def test_an_import_that_an_editor_removed_comes_with_what_uses_it() -> None:
    """It was there before that, and nothing used it."""
    early = Change(PATH, "import json\nfrom os import environ, path\n\nLIMIT = 1\n", is_whole=True)
    mine = "from os import path\n\nLIMIT = 1\n\n\ndef own():\n    path.exists()\n"
    change = Change(PATH, "def sell():\n    return json.dumps(environ)\n")
    merged = merge(change, mine, early.text)
    assert merged.text.startswith("import json\nfrom os import environ, path\n\nLIMIT")
    assert merge(early, mine, early.text).text == mine


SHOP = Change(PATH, CLOSED.text.replace("tea", "coffee"))
CELLS = (WHOLE, LIMIT, SHOP, SELL, ALL)
COURSE = [LessonStep("01_shop", f"cell-{number}", (change,)) for number, change in enumerate(CELLS)]


def run(step: LessonStep, text: str, record: Record) -> Merged:
    """Run a cell of the course on a file, "" for none, of which cells have brought what the record says."""
    [change] = step.changes
    return merge_file(Cell(change, change, step.name), text or None, record, later_names(COURSE, step, record))


@pytest.mark.parametrize("own", ["", OWN])
def test_an_earlier_cell_brings_nothing_back(own: str) -> None:
    """After each cell of the course, each cell before it changes nothing, with and without a change of one's own."""
    text = ""
    record = Record()
    for number, step in enumerate(COURSE):
        merged = run(step, text, record)
        text = merged.text + own * (number == 0)
        record = merged.record
        for earlier in COURSE[: number + 1]:
            again = run(earlier, text, record)
            assert outcome(again) == (text, record.text)
            assert again.record == record
    assert text.endswith(own)


def test_a_cell_that_was_left_out_can_be_run_later() -> None:
    """It brings what no later cell has brought."""
    first = run(COURSE[0], "", Record())
    later = run(COURSE[3], first.text, first.record)
    assert 'return "mate"' in later.text
    left_out = run(COURSE[1], later.text, later.record)
    assert left_out.text == later.text.replace("LIMIT = 1", "LIMIT = 2")


def test_a_definition_that_a_cell_had_lost_comes_when_the_cell_is_whole_again() -> None:
    """It was deleted in the cell, not in the file: nobody changed it."""
    edited = Change(PATH, FIRST.replace("LIMIT = 1\n\n\n", ""), is_whole=True)
    first = merge_file(Cell(edited, WHOLE, COURSE[0].name), None, Record())
    assert first.text == edited.text
    whole = run(COURSE[0], first.text, first.record)
    assert is_same_in(PATH, whole.text, FIRST, ["LIMIT", "sell", "Shop"])
    assert (whole.changed, whole.deleted) == ((), ())


def test_a_cell_of_ones_own_is_no_lesson() -> None:
    """What it brings is the participant's: a lesson's cell that replaces it says so."""
    first = run(COURSE[0], "", Record())
    own = Change(PATH, "def close():\n    return 1\n\n\ndef sell():\n    return 2\n")
    mine = merge_file(Cell(own, None), first.text, first.record)
    assert (mine.record.text, mine.replaced) == (FIRST, ())
    assert "def close()" in mine.text

    again = merge_file(Cell(own, None), mine.text, mine.record)
    assert (again.text, again.record) == (mine.text, mine.record)
    assert run(COURSE[3], mine.text, mine.record).replaced == ("sell",)


def test_a_definition_is_restored() -> None:
    """As the source has it; one that it lacks is removed."""
    mine = FIRST.replace("LIMIT = 1", "LIMIT = 10").replace("return None", "return 3") + OWN
    assert restore(PATH, mine, FIRST, ["LIMIT", "own"]) == FIRST.replace("return None", "return 3") + "\n\n# the end\n"
