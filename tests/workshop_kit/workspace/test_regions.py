"""The marker language makes starter and solution, and damaged markers are one-sentence errors."""

from __future__ import annotations

import pytest

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
