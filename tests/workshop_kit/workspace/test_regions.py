"""The marker language makes starter and solution, and damaged markers are one-sentence errors."""

from __future__ import annotations

import pytest
import yaml

from workshop_kit.workspace.regions import MarkerError, others_solved, parse, region_of, replace, solved, starter

MARKED = '''"""Settings."""

import os


class Settings:
    """From outside."""

    # region config.env
    def url(self) -> str:
        """Where the database is."""
        #: only the solution
        return os.environ["DB_URL"]
        #: only the starter
        #| host = "127.0.0.1"
        #| if host:
        #|     return "mysql://" + host
        #|
        #| return ""
        #: both

    # endregion config.env


# region config.report
def report() -> list[str]:
    #: only the solution
    return ["all of them"]
    #: only the starter
    #| return []


# endregion config.report
'''
STARTER = '''"""Settings."""

import os


class Settings:
    """From outside."""

    # region config.env
    def url(self) -> str:
        """Where the database is."""
        host = "127.0.0.1"
        if host:
            return "mysql://" + host

        return ""

    # endregion config.env


# region config.report
def report() -> list[str]:
    return []


# endregion config.report
'''
RULES = """# region logging.rule
#: only the solution
level: warning
#: only the starter
#| level: all
# endregion logging.rule
"""
DOCKERFILE = """FROM base
# region container.entry
#: only the solution
CMD ["app"]
#: only the starter
#| CMD app
# endregion container.entry"""


def test_the_starter_is_the_naive_code() -> None:
    """What only the solution has is gone, naive code is code at its place, and of the markers the region lines stay."""
    assert starter(MARKED) == STARTER
    assert starter(STARTER) == solved(STARTER) == STARTER


def test_other_languages_work_alike() -> None:
    """A YAML file and a Dockerfile, whose comments begin with #, work like Python."""
    assert yaml.safe_load(starter(RULES)) == {"level": "all"}
    assert yaml.safe_load(solved(RULES)) == yaml.safe_load(RULES) == {"level": "warning"}
    assert starter(DOCKERFILE).split("\n")[1:3] == ["# region container.entry", "CMD app"]
    assert solved(DOCKERFILE).split("\n")[1:3] == ["# region container.entry", 'CMD ["app"]']


def test_windows_line_ends_stay() -> None:
    """A file with CRLF has CRLF in its starter, and in text that is put into it."""
    windows = MARKED.replace("\n", "\r\n")
    assert starter(windows) == starter(MARKED).replace("\n", "\r\n")
    assert solved(windows) == solved(MARKED).replace("\n", "\r\n")
    changed = replace(windows, "config.report", "one = 1\ntwo = 2")
    assert region_of(changed, "config.report") == "one = 1\r\ntwo = 2\r\n"
    assert changed.count("\n") == changed.count("\r\n")


def test_the_neighbors_are_solved_for_a_check() -> None:
    """A check sees the participant's own region and imports, and the solution in every other region."""
    mine = replace(starter(MARKED), "config.env", "    mine = 1\n").replace("import os", "import os\nimport json")
    judged = others_solved(mine, MARKED, "config.env")
    assert region_of(judged, "config.env") == "    mine = 1\n"
    assert region_of(judged, "config.report") == region_of(solved(MARKED), "config.report")
    assert "import json" in judged


@pytest.mark.parametrize(
    ("text", "line", "problem"),
    [
        ("x\n# region a.b\ny\n", 2, "has no line `# endregion a.b`"),
        ("# endregion a.b\n", 1, "has no line `# region a.b` before it"),
        ("# region a.b\n# region a.c\n# endregion a.c\n# endregion a.b\n", 2, "stands inside `# region a.b`"),
        ("# region a.b\n\n# region a.b\n# endregion a.b\n", 3, "is there twice (first on line 1)"),
    ],
)
def test_regions_that_do_not_fit_are_named_with_their_line(text: str, line: int, problem: str) -> None:
    """Not closed, not opened, nested, closed by another, twice: the error has the line and the next step."""
    for read in (parse, starter, solved):
        with pytest.raises(MarkerError) as caught:
            read(text)
        assert (caught.value.line, problem in caught.value.problem) == (line, True), caught.value
        assert f"line {line}:" in str(caught.value)
        assert "./workshop reset a." in str(caught.value)


@pytest.mark.parametrize(
    ("body", "line", "problem"),
    [
        ("#| x\n", 2, "`#|` stands outside"),
        ("#: only the starter\nx\n", 3, "not behind `#|`"),
        ("#: only the solutoin\n", 2, "`#: only the solutoin` is no section"),
        ("#: only the starter\n#| # region a.c\n", 3, "a marker stands behind `#|`"),
    ],
)
def test_sections_that_do_not_fit_are_named_with_their_line(body: str, line: int, problem: str) -> None:
    """A misplaced or misspelled section is an error with its line."""
    with pytest.raises(MarkerError) as caught:
        starter(f"# region a.b\n{body}# endregion a.b\n")
    assert (caught.value.line, problem in caught.value.problem) == (line, True), caught.value


def test_a_missing_region_is_an_error() -> None:
    """Without both markers there is no line: the error names the file and the markers."""
    with pytest.raises(MarkerError, match=r"^this file: the lines `# region a.b`"):
        region_of("x = 1\n", "a.b")
    with pytest.raises(MarkerError) as caught:
        region_of("x = 1\n", "a.b")
    assert str(caught.value.in_file("config.py")).startswith("config.py: the lines `# region a.b`")
    assert str(MarkerError(3, "is odd").in_file("config.py")) == "config.py, line 3: is odd."
