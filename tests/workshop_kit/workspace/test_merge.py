"""Regions make starter and solution; an update costs a participant neither text nor files; remarks change no code."""

from __future__ import annotations

import json

import pytest

from tests.examples import given, st
from workshop_kit.workspace.merge import merge, same_code
from workshop_kit.workspace.regions import MarkerError, region_of, replace, solved, starter

MARKED = """import os


class Settings:
    # region config.env
    def url(self) -> str:
        #: only the solution
        return os.environ["DB_URL"]
        #: only the starter
        #| if self:
        #|     return "mysql://127.0.0.1"
        #|
        #| return ""
        #: both

    # endregion config.env
"""
STARTER = """import os


class Settings:
    # region config.env
    def url(self) -> str:
        if self:
            return "mysql://127.0.0.1"

        return ""

    # endregion config.env
"""


def test_the_starter_is_the_naive_code() -> None:
    """What only the solution has is gone, naive code is code at its place, and of the markers the region lines stay."""
    assert starter(MARKED) == STARTER
    assert starter(STARTER) == solved(STARTER) == STARTER


def test_windows_line_ends_stay() -> None:
    """A file with CRLF has CRLF in its starter, and in text that is put into it."""
    windows = MARKED.replace("\n", "\r\n")
    assert starter(windows) == starter(MARKED).replace("\n", "\r\n")
    assert solved(windows) == solved(MARKED).replace("\n", "\r\n")
    changed = replace(windows, "config.env", "one = 1\ntwo = 2")
    assert region_of(changed, "config.env") == "one = 1\r\ntwo = 2\r\n"
    assert changed.count("\n") == changed.count("\r\n")


@pytest.mark.parametrize(
    ("text", "line", "problem"),
    [
        ("x\n# region a.b\ny\n", 2, "has no line `# endregion a.b`"),
        ("# region a.b\n# region a.c\n# endregion a.c\n", 1, "has no line `# endregion a.b` before the next region"),
        ("# region a.b\n# endregion a.b\n# region a.b\n", 3, "is there twice (first on line 1)"),
    ],
)
def test_regions_that_do_not_fit_are_named_with_their_line(text: str, line: int, problem: str) -> None:
    """Not closed, not opened, nested, closed by another, twice: the error has the line and the next step."""
    with pytest.raises(MarkerError) as caught:
        starter(text)
    assert caught.value.what.startswith(f"line {line}: ")
    assert problem in caught.value.what
    assert "./workshop reset a." in str(caught.value)


SOURCES = st.dictionaries(st.sampled_from(["a", "b", "c", "d", "e"]), st.sampled_from(["1", "2", "3"]))


def notebook(cells: dict[str, str], outputs: tuple[str, ...] = ()) -> bytes:
    """A notebook of code cells, id to source; those in ``outputs`` have been run."""
    written = [
        {"cell_type": "code", "id": name, "source": [text], "outputs": ["seen"] if name in outputs else []}
        for name, text in cells.items()
    ]
    return json.dumps({"cells": written, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}).encode()


def sources(content: bytes) -> dict[str, str]:
    """Id to source, in order."""
    return {cell["id"]: "".join(cell["source"]) for cell in json.loads(content)["cells"]}


def outputs(content: bytes) -> list[str]:
    """Return the ids of the cells with outputs."""
    return [cell["id"] for cell in json.loads(content)["cells"] if cell["outputs"]]


def test_a_cell_that_was_only_run_is_updated_and_the_others_keep_their_outputs() -> None:
    """Running is not editing: a changed cell becomes the new one, an unchanged one keeps its outputs."""
    base = notebook({"a": "1", "b": "1"})
    mine = notebook({"a": "1", "b": "1"}, ("a", "b"))
    merged, conflicts = merge("x.ipynb", base, mine, notebook({"a": "1", "b": "2"}))
    assert sources(merged) == {"a": "1", "b": "2"}
    assert outputs(merged) == ["a"]
    assert conflicts == ()


@given(base=SOURCES, mine=SOURCES, new=SOURCES)
def test_no_edit_is_ever_lost(base: dict[str, str], mine: dict[str, str], new: dict[str, str]) -> None:
    """Each cell that the participant added or changed is there afterwards, unchanged."""
    after = sources(merge("x.ipynb", notebook(base), notebook(mine), notebook(new))[0])
    edits = {name: text for name, text in mine.items() if base.get(name) != text}
    assert {name: after.get(name) for name in edits} == edits


def exercise(body: str, around: str = "x = 1") -> bytes:
    """A file with one exercise."""
    return f"{around}\n# region config.env\n{body}\n# endregion config.env\n".encode()


def test_a_region_stays_while_the_file_around_it_is_updated() -> None:
    """What was written into an exercise survives a correction of the scaffolding."""
    merged = merge("config.py", exercise("naive"), exercise("mine"), exercise("naive", "x = 2"))
    assert merged == (exercise("mine", "x = 2"), ())


@pytest.mark.parametrize(
    ("name", "mine"),
    [
        ("config.py", exercise("mine", "import os")),  # changed outside of the regions
        ("config.py", b"# region config.env\n"),  # damaged markers
        ("x.ipynb", b'{"cells": [1]}'),
    ],
)
def test_a_file_that_cannot_be_merged_stays_whole(name: str, mine: bytes) -> None:
    """It stays the participant's, and is named as a conflict."""
    base = exercise("naive") if name == "config.py" else notebook({"a": "1"})
    new = exercise("naive", "x = 2") if name == "config.py" else notebook({"a": "2"})
    assert merge(name, base, mine, new) == (mine, ("the whole file",))


CODE = '''    def live(self) -> str:
        """Says."""
        if self.up:
            return "up # really"
        return ""
'''


def test_comments_and_blank_lines_are_no_change() -> None:
    """Comments, blank lines and line ends make no difference; a value or an indent does."""
    same = CODE.replace("up:\n", "up:\n            # a remark\n")
    assert same_code(CODE, same.replace("\n", "\r\n\n"))
    for old, new in (('""\n', '"1"\n'), ('        return ""\n', '            return ""\n'), ("# really", "really")):
        assert not same_code(CODE, CODE.replace(old, new))
