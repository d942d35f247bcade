"""Three texts of a definition decide: as it was shipped before, the participant's, and as it is shipped now."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from workshop_kit.workspace.growth import Change, Grown, grow, is_same_in, restore
from workshop_kit.workspace.steps import Step, older_names

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


def test_nothing_new_and_mine_stays() -> None:
    """What a cell brought before does not come again; the cell tells what it shows otherwise."""
    mine = FIRST.replace("LIMIT = 1", "LIMIT = 10")
    grown = grow(WHOLE, mine, FIRST)
    assert grown == Grown(mine, FIRST, kept=("LIMIT",))
    without = FIRST.replace("LIMIT = 1\n", "")
    assert grow(WHOLE, without, FIRST) == Grown(without, FIRST, kept=("LIMIT",))


def test_mine_is_untouched_and_the_new_one_comes() -> None:
    """All else stays, also what is the participant's own."""
    mine = FIRST.replace("return None", "return 3") + OWN
    grown = grow(LIMIT, mine, FIRST)
    assert grown == Grown(mine.replace("LIMIT = 1", "LIMIT = 2"), FIRST.replace("LIMIT = 1", "LIMIT = 2"))


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
    """Its file stays as it is where nothing is new, and grows without a word about replaced lines."""
    mine = edited(FIRST)
    assert grow(WHOLE, mine, FIRST) == Grown(mine, FIRST)
    for change in (LIMIT, SELL, ALL, Change(PATH, "class Shop:\n    # …\n    price = 1\n    # …\n")):
        grown = grow(change, mine, FIRST)
        assert not grown.replaced
        assert is_same_in(PATH, grown.text, grown.shipped, ["LIMIT", "sell", "Shop.price"])
        assert ("\r\n" in grown.text) == ("\r\n" in mine)


def test_a_whole_cell_takes_definitions_away() -> None:
    """Those that the lessons brought; the participant's own ones stay, with the imports that they use."""
    grown = grow(ALL, FIRST, FIRST)
    assert grown == Grown(ALL.text, ALL.text)
    grown = grow(ALL, FIRST.replace('"tea"', '"coffee"').replace("= True", "= True\n    mine = 1") + OWN, FIRST)
    assert grown.text == f'from time import sleep\n\nLIMIT = 2\n\n\ndef sell():\n    return "tea"\n{OWN}'
    assert grown.replaced == ("Shop.name", "Shop.mine")
    assert grown.shipped == ALL.text


def test_a_whole_class_takes_members_away() -> None:
    """Own fields stay."""
    grown = grow(CLOSED, FIRST.replace("    is_open", "    mine = 1\n    is_open"), FIRST)
    assert grown.text == FIRST.replace("    is_open = True\n", "    mine = 1\n")
    assert grown.shipped == FIRST.replace("    is_open = True\n", "")


def test_an_import_that_an_editor_removed_comes_with_what_uses_it() -> None:
    """It was there before that, and nothing used it."""
    early = Change(PATH, "import json\nfrom os import environ, path\n\nLIMIT = 1\n", is_whole=True)
    mine = "from os import path\n\nLIMIT = 1\n\n\ndef own():\n    path.exists()\n"
    change = Change(PATH, "def sell():\n    return json.dumps(environ)\n")
    grown = grow(change, mine, early.text)
    assert grown.text.startswith("import json\nfrom os import environ, path\n\nLIMIT")
    assert grow(early, mine, early.text).text == mine


SHOP = Change(PATH, CLOSED.text.replace("tea", "coffee"))
CELLS = (WHOLE, LIMIT, SHOP, SELL, ALL)


def test_an_earlier_cell_brings_nothing_back() -> None:
    """After each cell of the course, each cell before it changes nothing, with and without a change of one's own."""
    course = [Step("01_shop", f"cell-{number}", (cell,)) for number, cell in enumerate(CELLS)]
    for own in ("", OWN):
        grown = Grown("", "")
        for number, cell in enumerate(CELLS):
            older = older_names(course, "01_shop", cell, grown.shipped)
            assert not older
            grown = grow(cell, grown.text or None, grown.shipped, older=older)
            grown = Grown(grown.text + own * (number == 0), grown.shipped)
            for earlier in CELLS[: number + 1]:
                older = older_names(course, "01_shop", earlier, grown.shipped)
                again = grow(earlier, grown.text, grown.shipped, older=older)
                assert (again.text, again.shipped, again.replaced) == (grown.text, grown.shipped, ())
                assert again.kept == ()
        assert grown.text.endswith(own)


def test_a_cell_that_was_left_out_can_be_run_later() -> None:
    """It brings what no later cell has brought."""
    course = [Step("01_shop", "", (cell,)) for cell in CELLS]
    shipped = grow(SELL, FIRST, FIRST).shipped
    assert not older_names(course, "01_shop", LIMIT, shipped) & {"LIMIT"}
    assert "LIMIT = 2" in grow(LIMIT, shipped, shipped, older=older_names(course, "01_shop", LIMIT, shipped)).text


def test_a_definition_is_restored() -> None:
    """As the source has it; one that it lacks is removed."""
    mine = FIRST.replace("LIMIT = 1", "LIMIT = 10").replace("return None", "return 3") + OWN
    assert restore(PATH, mine, FIRST, ["LIMIT", "own"]) == FIRST.replace("return None", "return 3") + "\n\n# the end\n"
