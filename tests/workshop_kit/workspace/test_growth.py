"""A file of the service grows with the lessons: one source has all stages, and what a participant wrote stays."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from workshop_kit.errors import WrongUsage
from workshop_kit.paths import CHECKOUT
from workshop_kit.workspace import regions, solutions
from workshop_kit.workspace.file_cell import GAP, FileCell, cell_text_at, with_edits, write
from workshop_kit.workspace.folder import Workspace
from workshop_kit.workspace.merge import grow, merge_lines
from workshop_kit.workspace.regions import FileStage, MarkerError, at_stage

NAME = "my_service/shop.py"
SOURCE = '''"""A shop."""

#: from 02
import json
#: always
from time import sleep

#: until 02:2
#| LIMIT = 1
#: from 02:2
LIMIT = 2
#: always


# region shop.sell
def sell():
    #: only the solution
    return "tea"
    #: only the starter
    #| return None
    #: both


# endregion shop.sell


def rest():
    sleep(LIMIT)
    #: from 02
    json.dumps([])
'''
FIRST = '''"""A shop."""

from time import sleep

LIMIT = 1


# region shop.sell
def sell():
    return None


# endregion shop.sell


def rest():
    sleep(LIMIT)
'''


def test_a_source_has_each_stage() -> None:
    """Lines come and go with the stages; the last stage stays for all later lessons."""
    assert regions.stages(SOURCE) == (FileStage("02"), FileStage("02", 2))
    assert regions.starter(at_stage(SOURCE, FileStage("01b"))) == FIRST
    second = regions.starter(at_stage(SOURCE, FileStage("02")))
    assert "import json" in second
    assert "LIMIT = 1" in second
    last = regions.plain(at_stage(SOURCE, FileStage("06")))
    assert "LIMIT = 2" in last
    assert "#" not in last


def test_a_line_that_goes_needs_the_bar() -> None:
    """The source itself is the finished file, so older lines stand behind a bar."""
    with pytest.raises(MarkerError, match="line 2"):
        at_stage("#: until 03\nold = 1\n", FileStage("01"))


@pytest.mark.parametrize(
    ("mine", "new", "merged"),
    [
        ("a\nB\nc\n", "a\nb\nc\nd\n", "a\nB\nc\nd\n"),
        ("a\nb\nc\n", "a\nX\nc\n", "a\nX\nc\n"),
        ("a\nX\nc\n", "a\nX\nc\n", "a\nX\nc\n"),
        ("a\nY\nc\n", "a\nX\nc\n", None),
        ("a\nmine\nb\nc\n", "a\nnew\nb\nc\n", None),
        ("b\nc\n", "a\nb\nc\nd\n", "b\nc\nd\n"),
        ("a\nb\nc\nd\n", "a\nb\nc\nd\ne\n", "a\nb\nc\nd\ne\n"),
        ("a\nb\nc\nd\ne\n", "a\nb\nc\nd\n", "a\nb\nc\nd\ne\n"),
    ],
)
def test_lines_are_merged_three_ways(mine: str, new: str, merged: str | None) -> None:
    """The changes of both sides are in the result; two changes of the same lines are a conflict."""
    assert merge_lines("a\nb\nc\n", mine, new) == merged


def test_a_solved_region_stays_while_the_file_grows_around_it() -> None:
    """A region keeps its lines; one that the new version has no place for is named."""
    base = regions.starter(at_stage(SOURCE, FileStage("01b")))
    new = regions.starter(at_stage(SOURCE, FileStage("02", 2)))
    mine = base.replace("return None", 'return "coffee"')
    grown = grow(base, mine, new)
    assert 'return "coffee"' in grown.text
    assert "import json" in grown.text
    without = re.sub(r"(?s)# region.*# endregion shop.sell\n", "", new)
    assert grow(base, mine, without).lost_regions == ("shop.sell",)


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout with one source of a service."""
    for folder in ("solutions/01b_shop", "exercises", "notebooks"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "exercises" / "exercises.toml").write_text("")
    (tmp_path / "solutions/01b_shop/shop.py").write_text(SOURCE)
    return tmp_path


@pytest.fixture
def workspace(empty_workspace: Workspace, checkout: Path) -> Workspace:
    """A workspace with the notebooks of two lessons: the file whole, then its changes in two cells."""
    [source] = solutions.service_sources(checkout)
    for lesson, numbers in (("01b_shop", [1]), ("02_more", [1, 2])):
        cells = []
        for number in numbers:
            changes = lesson != "01b_shop"
            body = cell_text_at(source, FileStage(lesson[:3].rstrip("_"), number), changes=changes)
            first = f"%%file {NAME}{' (changes)' if changes else ''}\n"
            cells.append({"cell_type": "code", "id": f"c{number}", "metadata": {}, "source": first + body.rstrip()})
        folder = empty_workspace.base / "notebooks"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{lesson}.ipynb").write_text(json.dumps({"cells": cells}))
    return empty_workspace


def bodies(workspace: Workspace, lesson: str) -> list[str]:
    """The texts of a lesson's file cells."""
    cells = json.loads((workspace.base / "notebooks" / f"{lesson}.ipynb").read_text())["cells"]
    return [parsed_cell.body for cell in cells if (parsed_cell := FileCell.parse(cell["source"]))]


def test_cells_bring_one_stage_after_the_other(workspace: Workspace, checkout: Path) -> None:
    """A cell that shows changes brings them into the whole file; to run a cell again changes nothing."""
    path = workspace.folder / NAME
    [whole] = bodies(workspace, "01b_shop")
    first, second = bodies(workspace, "02_more")
    assert second == "LIMIT = 2\n"
    assert GAP in first
    assert write(workspace, "01b_shop", NAME, whole, checkout) == f"{NAME} is written."
    path.write_text(path.read_text().replace("return None", 'return "coffee"'))
    assert "and your changes" in write(workspace, "02_more", f"{NAME} (changes)", first, checkout)
    assert write(workspace, "02_more", f"{NAME} (changes)", second, checkout)
    text = path.read_text()
    assert 'return "coffee"' in text
    assert "LIMIT = 2" in text
    assert "import json" in text
    for lesson, body in (("01b_shop", whole), ("02_more", first), ("02_more", second)):
        write(workspace, lesson, NAME, body, checkout)
    assert path.read_text() == text


def test_an_edited_cell_counts(workspace: Workspace, checkout: Path) -> None:
    """What a participant changes in the cell goes into the file, also where the cell shows only changes."""
    [whole] = bodies(workspace, "01b_shop")
    _, second = bodies(workspace, "02_more")
    write(workspace, "01b_shop", NAME, whole, checkout)
    write(workspace, "02_more", f"{NAME} (changes)", second.replace("2", "7"), checkout)
    assert "LIMIT = 7" in (workspace.folder / NAME).read_text()


@pytest.mark.parametrize(
    ("text", "cell", "edited", "result"),
    [
        ("import os.path\nimport os\n", "import os\n", "import sys\n", "import os.path\nimport sys\n"),
        ("LIMIT = 10\nLIMIT = 1\n", "LIMIT = 1\n", "LIMIT = 7", "LIMIT = 10\nLIMIT = 7\n"),
        ("if True:\n    a = 1\na = 1\n", "a = 1\n", "a = 2\n", "if True:\n    a = 1\na = 2\n"),
        ("a = 1\nb = 2\nc = 3", "a = 1\n# …\nc = 3", 'a = "\\1"\n# …\nc = 4', 'a = "\\1"\nb = 2\nc = 4'),
    ],
)
def test_an_edited_part_replaces_whole_lines(text: str, cell: str, edited: str, result: str) -> None:
    """A part of a cell that also begins, ends or stands inside another line leaves that line alone."""
    assert with_edits(text, cell, edited) == result


def test_a_lost_gap_is_told(workspace: Workspace, checkout: Path) -> None:
    """Without the line between two parts nobody knows where they belong."""
    first, _ = bodies(workspace, "02_more")
    write(workspace, "01b_shop", NAME, bodies(workspace, "01b_shop")[0], checkout)
    with pytest.raises(WrongUsage, match="shows parts"):
        write(workspace, "02_more", f"{NAME} (changes)", first.replace(GAP, ""), checkout)


def test_lines_that_both_changed_stay_the_participants(workspace: Workspace, checkout: Path) -> None:
    """The file stays as it is, and the cell says so."""
    path = workspace.folder / NAME
    write(workspace, "01b_shop", NAME, bodies(workspace, "01b_shop")[0], checkout)
    path.write_text(path.read_text().replace("LIMIT = 1", "LIMIT = 10"))
    sentence = write(workspace, "02_more", f"{NAME} (changes)", bodies(workspace, "02_more")[1], checkout)
    assert "stays as it is" in sentence
    assert "LIMIT = 10" in path.read_text()


def test_every_stage_of_the_service_is_python() -> None:
    """Starters and solutions of all stages can be compiled, and name what the finished service is made of."""
    count = 0
    for source in solutions.service_sources(CHECKOUT):
        if source.file.endswith(".py"):
            for stage in source.stages:
                marked = source.at(stage)
                for text in (regions.starter(marked), regions.solved(marked)):
                    compile(text, source.name, "exec")
                    count += 1
    assert count > 50
