"""File cells bring definitions to a file, and what they say and show of it is true."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conftest import write_notebook
from workshop_kit.display.diff_card import Written
from workshop_kit.errors import WrongUsage
from workshop_kit.workspace import file_cell
from workshop_kit.workspace.folder import Workspace
from workshop_kit.workspace.syntax import UnreadableText

NAME = "my_service/shop.py"
FIRST = 'LIMIT = 1\n\n\ndef sell():\n    return "tea"\n\n\ndef buy():\n    return LIMIT\n'
LIMIT = "LIMIT = 2\n"
SELL = 'def sell():\n    return "coffee"\n'
LAST = f"{LIMIT}\n\n{SELL}\n\ndef close():\n    pass\n"
CHANGES = f"{NAME} (changes)"
LESSONS = {"01_shop": ((NAME, FIRST), (CHANGES, LIMIT)), "02_more": ((CHANGES, SELL), (NAME, LAST))}
ALL = [(lesson, line, body) for lesson, cells in LESSONS.items() for line, body in cells]


@pytest.fixture
def workspace(empty_workspace: Workspace) -> Workspace:
    """A workspace of a course with two notebooks, whose checkout is the workspace's own folder."""
    empty_workspace.exercises.mkdir(exist_ok=True)
    lessons = "".join(f'{lesson} = {{ title = "{lesson}" }}\n' for lesson in LESSONS)
    (empty_workspace.exercises / "exercises.toml").write_text(f"[tracks]\n[lessons]\n{lessons}")
    for lesson, cells in LESSONS.items():
        write_notebook(empty_workspace, lesson, [f"%%file {line}\n{body.rstrip()}" for line, body in cells])
    return empty_workspace


@pytest.fixture
def shop(workspace: Workspace) -> Path:
    """The participant's file; it is not there yet."""
    return workspace.folder / NAME


def run(workspace: Workspace, lesson: str, line: str, body: str, identifier: str = "") -> Written:
    """Run a file cell; what it shows as the diff is the diff."""
    shop = workspace.folder / NAME
    before = shop.read_text().splitlines(keepends=True) if shop.exists() else []
    written = file_cell.write(workspace, lesson, line, body, workspace.folder, cell=identifier)
    after = shop.read_text().splitlines(keepends=True)
    removed = {text[1:] for text in written.diff if text.startswith("-")}
    added = {text[1:] for text in written.diff if text.startswith("+")}
    assert set(before) - set(after) <= removed <= set(before)
    assert added <= set(after)
    assert not before or set(after) - set(before) <= added
    assert bool(written.diff) is (bool(before) and before != after)
    return written


def kept_texts(workspace: Workspace) -> list[str]:
    """The texts of the files in kept/, oldest first."""
    return [path.read_text() for path in sorted(workspace.folder.glob(f"kept/*/{NAME}"))]


def test_run_all_twice(workspace: Workspace, shop: Path) -> None:
    """The second time nothing changes, and each cell says so."""
    sentences = [run(workspace, *cell).sentence for cell in ALL]
    assert sentences == [f"{NAME} is written.", *[f"{NAME} has the new lines."] * 3]
    assert shop.read_text() == LAST
    assert [run(workspace, *cell) for cell in ALL] == [Written(f"{NAME} stays as it is.")] * 4
    assert (shop.read_text(), kept_texts(workspace)) == (LAST, [])


def test_an_answer_stays(workspace: Workspace, shop: Path) -> None:
    """With a new kernel in the middle, two notebooks open, and a definition that no cell knows."""
    for cell in ALL[:2]:
        run(workspace, *cell)
    mine = shop.read_text().replace("return LIMIT", "return 5") + "\n\ndef own():\n    pass\n"
    shop.write_text(mine)
    assert run(workspace, *ALL[0]).sentence == (f"{NAME} stays as it is. Left as you changed it: buy.")
    assert shop.read_text() == mine
    run(workspace, *ALL[2])
    assert run(workspace, *ALL[1]).sentence == f"{NAME} stays as it is."
    assert shop.read_text() == mine.replace("tea", "coffee")
    assert kept_texts(workspace) == []


def test_what_both_changed_is_named_and_kept(workspace: Workspace, shop: Path) -> None:
    """The lesson's definition comes; so it does where a whole cell does without the participant's."""
    run(workspace, *ALL[0])
    mine = FIRST.replace("LIMIT = 1", "LIMIT = 10").replace("return LIMIT", "return 5")
    shop.write_text(mine)
    sentence = run(workspace, *ALL[1]).sentence
    assert sentence.startswith(
        f"{NAME} has the new lines. This cell's lines replace yours in LIMIT. Your file as it was:"
    )
    assert (workspace.folder / sentence.split(": ")[-1]).read_text() == mine
    sentence = run(workspace, *ALL[3]).sentence
    assert "replace yours in buy." in sentence
    assert len(kept_texts(workspace)) == 2


def test_an_edited_cell(workspace: Workspace, shop: Path) -> None:
    """It is known by its id. What was typed comes, a second time nothing does: then the file's own edits are newer."""
    edited = FIRST.replace("LIMIT = 1", "LIMIT = 7")
    cell = ("01_shop", NAME, edited)
    assert run(workspace, *cell, identifier="cell-0").sentence == f"{NAME} is written."
    assert shop.read_text() == edited
    assert run(workspace, *cell, identifier="cell-0").sentence == f"{NAME} stays as it is."
    assert run(workspace, *ALL[0]).sentence == f"{NAME} stays as it is. Left as you changed it: LIMIT."

    mine = edited.replace("LIMIT = 7", "LIMIT = 8").replace("tea", "water")
    shop.write_text(mine)
    sentence = run(workspace, *cell, identifier="cell-0").sentence
    assert sentence == f"{NAME} stays as it is. Left as you changed it: LIMIT and sell."
    assert shop.read_text() == mine

    again = ("01_shop", NAME, FIRST.replace("LIMIT = 1", "LIMIT = 9"))
    assert "replace yours in LIMIT. Your file" in run(workspace, *again, identifier="cell-0").sentence
    assert "replace yours in LIMIT." in run(workspace, *ALL[1]).sentence


def test_a_cell_of_ones_own_between_those_of_a_lesson(workspace: Workspace, shop: Path) -> None:
    """It is not taken for the lesson's next one: that brings all that it shows."""
    run(workspace, *ALL[0])
    run(workspace, "01_shop", CHANGES, "def mine():\n    pass\n")
    run(workspace, *ALL[1])
    assert run(workspace, *ALL[2]).sentence == f"{NAME} has the new lines."
    assert "coffee" in shop.read_text()
    assert "def mine()" in shop.read_text()


def test_what_was_deleted_is_said_to_be_deleted(workspace: Workspace, shop: Path) -> None:
    """And stays so until a lesson changes it."""
    run(workspace, *ALL[0])
    shop.write_text(FIRST.replace("LIMIT = 1\n\n\n", ""))
    assert run(workspace, *ALL[0]).sentence == f"{NAME} stays as it is. Left out, as you deleted it: LIMIT."
    assert run(workspace, *ALL[1]).sentence == f"{NAME} has the new lines."
    assert "LIMIT = 2" in shop.read_text()


def test_a_cell_of_ones_own(workspace: Workspace) -> None:
    """It is a file cell as any other."""
    name = "my_service/start.sh"
    for text, sentence in (("one\n", f"{name} is written."), ("two\n", f"{name} has the new lines.")):
        assert file_cell.write(workspace, "01_shop", name, text, workspace.folder).sentence == sentence
        assert (workspace.folder / name).read_text() == text
    (workspace.folder / name).write_text("mine\n")
    sentence = file_cell.write(workspace, "01_shop", name, "three\n", workspace.folder).sentence
    assert "replace yours in all of it. Your file as it was: kept/" in sentence


def test_a_deleted_file_comes_back(workspace: Workspace, shop: Path) -> None:
    """As the lessons have brought it so far; the whole is shown."""
    for cell in ALL[:3]:
        run(workspace, *cell)
    text = shop.read_text()
    shop.unlink()
    written = file_cell.write(workspace, *ALL[0], workspace.folder)
    assert written.sentence == f"{NAME} is written."
    assert "".join(written.diff[1:]) == "".join(f"+{line}" for line in text.splitlines(keepends=True))


def test_a_file_that_is_being_edited_is_left_alone(workspace: Workspace, shop: Path) -> None:
    """The sentence names the line; once it is mended, the cell does what it does."""
    run(workspace, *ALL[0])
    shop.write_text(FIRST.replace("return LIMIT", "return ("))
    with pytest.raises(UnreadableText, match=f"{NAME}, line 9: "):
        file_cell.write(workspace, *ALL[1], workspace.folder)
    assert shop.read_text() == FIRST.replace("return LIMIT", "return (")
    shop.write_text(FIRST)
    assert run(workspace, *ALL[1]).sentence == f"{NAME} has the new lines."


@pytest.mark.parametrize("name", ["", "notebooks/app.py", "my_service", "my_service/../id", "/my_service/app.py"])
def test_it_writes_nowhere_else(workspace: Workspace, name: str) -> None:
    """A name outside of the participant's folder is refused in one sentence."""
    with pytest.raises(WrongUsage, match=r"A file cell writes below my_service/, or tools\.py, not "):
        file_cell.write(workspace, "01_shop", name, "text", workspace.folder)
