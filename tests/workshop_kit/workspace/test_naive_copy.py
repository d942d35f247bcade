"""A resumed lesson says which answers stay in place of the colleague's lines, and those are one click away."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from typing import Any

import pytest
from IPython.core.interactiveshell import InteractiveShell

from workshop_kit.errors import NotReady
from workshop_kit.paths import CHECKOUT
from workshop_kit.workspace import content, file_cell, naive_copy, regions, solutions
from workshop_kit.workspace.course import lesson_names
from workshop_kit.workspace.file_cell import FileCell, naive_copy_of, shipped_cells, write
from workshop_kit.workspace.folder import Workspace
from workshop_kit.workspace.naive_copy import NaiveCopy
from workshop_kit.workspace.regions import FileStage
from workshop_kit.workspace.solutions import Source

NOTEBOOKS = CHECKOUT / "notebooks"
LESSON = "04_monitoring"
HEALTH = "my_service/health.py"
DEEP = "monitoring.deep"


def ids_in(body: str) -> list[str]:
    """The exercises whose lines a cell shows."""
    markers = filter(None, map(regions.REGION.fullmatch, regions.lines_of(body)))
    return [marker[2] for marker in markers if marker[1] == "region"]


def is_naive(source: Source, lesson: str, name: str) -> bool:
    """Whether a lesson brings the lines of an exercise in this file, and its solution has other ones."""
    first = source.stages_of(name)[0]
    solution = regions.region_of(regions.solved(source.at(first)), name)
    return first.lesson == FileStage.parse(lesson).lesson and not source.is_starter(name, solution)


def naive_cells() -> Iterator[tuple[str, str, int]]:
    """Each file cell that shows naive lines of an exercise: its lesson, the file, and its number for that file."""
    for lesson in lesson_names(NOTEBOOKS):
        numbers: dict[str, int] = {}
        for cell in shipped_cells(NOTEBOOKS / f"{lesson}.ipynb"):
            number = numbers[cell.path] = numbers.get(cell.path, 0) + 1
            source = solutions.source_of(CHECKOUT, cell.path)
            if source and any(is_naive(source, lesson, name) for name in ids_in(cell.body)):
                yield lesson, cell.path, number


NAIVE = list(naive_cells())


def bring_notebook(workspace: Workspace, lesson: str) -> None:
    """Give the workspace a lesson's notebook, as it was shipped."""
    folder = workspace.base / "notebooks"
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copy(NOTEBOOKS / f"{lesson}.ipynb", folder)


def cell_of(lesson: str, path: str, number: int = 1) -> FileCell:
    """A file cell of a lesson."""
    return [cell for cell in shipped_cells(NOTEBOOKS / f"{lesson}.ipynb") if cell.path == path][number - 1]


def run(workspace: Workspace, lesson: str, cell: FileCell) -> NaiveCopy | None:
    """Run a file cell; return the naive copy that it offers."""
    line = cell.path.removeprefix("notebooks/")
    write(workspace, lesson, line, cell.body)
    return naive_copy_of(workspace, lesson, line, cell.body)


def solve(workspace: Workspace, path: str) -> Source:
    """Put the reference into every region of a file; return its source."""
    source = solutions.source_of(CHECKOUT, path)
    assert source is not None
    content.write(workspace, path, regions.solved(source.at(solutions.stages_in(workspace.folder)[path])))
    return source


@pytest.mark.parametrize(("lesson", "path", "number"), NAIVE, ids=str)
def test_the_colleagues_lines_are_one_click_away(
    empty_workspace: Workspace, lesson: str, path: str, number: int
) -> None:
    """Where a cell shows naive lines and an answer is in their place: use them, run the cell again, put it back."""
    bring_notebook(empty_workspace, lesson)
    file = empty_workspace.folder / path
    cell = cell_of(lesson, path, number)
    assert run(empty_workspace, lesson, cell) is None
    naive = file.read_text()
    source = solve(empty_workspace, path)
    mine = file.read_text()

    colleague_copy = run(empty_workspace, lesson, cell)
    assert colleague_copy is not None
    assert (colleague_copy.is_in_use, file.read_text()) == (False, mine)
    assert colleague_copy.sentence.startswith(f"{source.file} keeps your {colleague_copy.shown_ids[0]}")

    sentence = colleague_copy.use()
    for name in colleague_copy.names:
        assert regions.region_of(file.read_text(), name) == regions.region_of(naive, name)
    again = run(empty_workspace, lesson, cell)
    assert again is not None
    assert again.is_in_use
    assert again.sentence == sentence
    [copy] = empty_workspace.folder.glob(f"kept/*/{path}")
    assert sentence.startswith(f"{source.file} has the colleague's lines for {colleague_copy.names[0]}")
    assert sentence.endswith(f" Yours are in {copy.relative_to(empty_workspace.folder)}.")
    assert copy.read_text() == mine

    assert again.put_back().startswith(f"{source.file} has your {colleague_copy.names[0]}")
    assert (again.is_in_use, file.read_text()) == (False, mine)


@pytest.fixture
def solved(empty_workspace: Workspace) -> Workspace:
    """A workspace in which health.py has the answer to monitoring.deep."""
    bring_notebook(empty_workspace, LESSON)
    assert run(empty_workspace, LESSON, cell_of(LESSON, HEALTH)) is None
    path = empty_workspace.folder / HEALTH
    naive = path.read_text()
    solve(empty_workspace, HEALTH)
    answer = regions.region_of(path.read_text(), DEEP)
    path.write_text(regions.replace(naive, DEEP, answer))
    return empty_workspace


def resumed(workspace: Workspace) -> NaiveCopy:
    """What the first cell for health.py offers after a restart of the kernel."""
    colleague_copy = run(workspace, LESSON, cell_of(LESSON, HEALTH))
    assert colleague_copy is not None
    return colleague_copy


def test_the_sentence_names_the_exercise(solved: Workspace) -> None:
    """It says which version this part of the lesson shows."""
    assert resumed(solved).sentence == (
        "health.py keeps your monitoring.deep: this part of the lesson then shows your version, not the colleague's."
    )


def test_a_cell_prints_it_and_offers_the_button(solved: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    """Below what it says of the file; a headless run has no button."""
    shell: Any = InteractiveShell.instance()
    offered: list[NaiveCopy] = []
    body = cell_of(LESSON, HEALTH).body
    try:
        for offer in (offered.append, None):
            file_cell.register(solved, LESSON, offer)
            shell.run_cell_magic("file", HEALTH, body)
            sentences = capsys.readouterr().out.splitlines()
            assert sentences == [f"{HEALTH} has these lines, and your changes.", resumed(solved).sentence]
    finally:
        InteractiveShell.clear_instance()
    assert [naive.names for naive in offered] == [(DEEP,)]


def test_a_cell_brings_the_lines_that_it_shows(empty_workspace: Workspace) -> None:
    """Lesson 01 writes the Dockerfile twice: the first cell has the shell form again, although the file went on."""
    lesson = "01_container"
    path = "my_service/Dockerfile"
    bring_notebook(empty_workspace, lesson)
    for number in (1, 2):
        run(empty_workspace, lesson, cell_of(lesson, path, number))
    solve(empty_workspace, path)
    colleague_copy = run(empty_workspace, lesson, cell_of(lesson, path, 1))
    assert colleague_copy is not None
    colleague_copy.use()
    assert (empty_workspace.folder / path).read_text() == cell_of(lesson, path, 1).body


def test_a_comment_is_no_answer(solved: Workspace) -> None:
    """What differs from the starter in comments and blank lines alone shows what the colleague wrote."""
    path = solved.folder / HEALTH
    source = solutions.source_of(CHECKOUT, HEALTH)
    assert source is not None
    body = regions.region_of(regions.starter(source.at(source.stages[0])), DEEP)
    path.write_text(regions.replace(path.read_text(), DEEP, f"# I wonder\n\n{body}"))
    assert run(solved, LESSON, cell_of(LESSON, HEALTH)) is None


def test_the_file_may_grow_meanwhile(solved: Workspace) -> None:
    """The next cell brings its lines into the naive copy; what is put back after it is the answer, and they stay."""
    resumed(solved).use()
    second = cell_of(LESSON, HEALTH, 2)
    assert run(solved, LESSON, second) is not None  # it says whose lines the file has
    text = (solved.folder / HEALTH).read_text()
    new = [line for line in second.body.splitlines() if line.startswith("async def ")]
    assert new
    assert all(line in text for line in new)

    resumed(solved).put_back()
    text = (solved.folder / HEALTH).read_text()
    assert all(line in text for line in new)
    source = solutions.source_of(CHECKOUT, HEALTH)
    assert source is not None
    reference = regions.region_of(regions.solved(source.at(source.stages[0])), DEEP)
    assert regions.region_of(text, DEEP) == reference


def test_a_new_answer_is_never_lost(solved: Workspace) -> None:
    """What was written in the naive copy is copied to kept/ before the former answer comes back."""
    colleague_copy = resumed(solved)
    colleague_copy.use()
    path = solved.folder / HEALTH
    path.write_text(regions.replace(path.read_text(), DEEP, "newer = True\n"))
    assert not colleague_copy.is_in_use
    colleague_copy.put_back()
    assert "newer = True" not in path.read_text()
    assert any("newer = True" in copy.read_text() for copy in solved.folder.glob(f"kept/*/{HEALTH}"))


def test_all_are_put_back_before_a_jump(solved: Workspace) -> None:
    """But one that was written anew stays as it is."""
    path = solved.folder / HEALTH
    mine = path.read_text()
    resumed(solved).use()
    naive_copy.put_all_back(solved, CHECKOUT)
    assert path.read_text() == mine

    resumed(solved).use()
    newer = regions.replace(path.read_text(), DEEP, "newer = True\n")
    path.write_text(newer)
    naive_copy.put_all_back(solved, CHECKOUT)
    assert path.read_text() == newer
    assert not (solved.folder / naive_copy.RECORD).exists()


@pytest.mark.parametrize("damage", ["no file", "no text", "no marker"])
def test_a_damaged_file_offers_nothing(solved: Workspace, damage: str) -> None:
    """There is no answer to be named, and nothing fails."""
    path = solved.folder / HEALTH
    cell = cell_of(LESSON, HEALTH)
    match damage:
        case "no file":
            path.unlink()
        case "no text":
            path.write_bytes(b"\xff\xfe")
        case _:
            path.write_text(path.read_text().replace(f"# endregion {DEEP}", ""))
    assert naive_copy_of(solved, LESSON, HEALTH, cell.body) is None


def test_a_damaged_record_is_none(solved: Workspace) -> None:
    """The answers are in kept/ all the same."""
    colleague_copy = resumed(solved)
    colleague_copy.use()
    (solved.folder / naive_copy.RECORD).write_text("{")
    assert not colleague_copy.is_in_use
    assert run(solved, LESSON, cell_of(LESSON, HEALTH)) is None
    assert colleague_copy.put_back() == "health.py has your lines."


def test_an_answer_of_an_earlier_lesson_is_not_named(empty_workspace: Workspace) -> None:
    """A cell of lesson 04 shows database.py with what lesson 02 asked for: nobody wants that one back."""
    path = "my_service/database.py"
    bring_notebook(empty_workspace, LESSON)
    cell = cell_of(LESSON, path)
    assert "config.limits" in ids_in(cell.body)
    run(empty_workspace, LESSON, cell)
    solve(empty_workspace, path)
    assert run(empty_workspace, LESSON, cell) is None


def test_there_are_naive_cells() -> None:
    """In each lesson in which something is built."""
    assert {lesson[:2] for lesson, _, _ in NAIVE} >= {"01", "02", "03", "04"}


def test_a_missing_copy_is_said(solved: Workspace) -> None:
    """Without the copy in kept/ there is nothing to put back."""
    colleague_copy = resumed(solved)
    colleague_copy.use()
    shutil.rmtree(solved.folder / "kept")
    assert not colleague_copy.is_in_use
    with pytest.raises(NotReady, match=r"kept/.*health\.py is not there"):
        colleague_copy.put_back()
