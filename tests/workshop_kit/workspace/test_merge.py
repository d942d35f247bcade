"""Regions make starter and solution; an update costs a participant neither text nor files; remarks change no code."""

from __future__ import annotations

import pytest

from workshop_kit.workspace.merge import merge
from workshop_kit.workspace.regions import MarkerError, region_of, replace, solved, starter
from workshop_kit.workspace.solutions import same_code

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


def exercise(body: str, around: str = "x = 1") -> bytes:
    """A file with one exercise."""
    return f"{around}\n# region config.env\n{body}\n# endregion config.env\n".encode()


def test_a_region_stays_while_the_file_around_it_is_updated() -> None:
    """What was written into an exercise survives a correction of the scaffolding."""
    merged = merge(exercise("naive"), exercise("mine"), exercise("naive", "x = 2"))
    assert merged == (exercise("mine", "x = 2"), ())


@pytest.mark.parametrize("mine", [exercise("mine", "import os"), b"# region config.env\n"], ids=["outside", "damaged"])
def test_a_file_that_cannot_be_merged_stays_whole(mine: bytes) -> None:
    """It was changed outside of the regions, or its markers are damaged: it is named as a conflict."""
    assert merge(exercise("naive"), mine, exercise("naive", "x = 2")) == (mine, ("the whole file",))


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
