"""The marker language: what the starter gets, what the solution gets, and what is said about damaged markers."""

from __future__ import annotations

import ast
from collections.abc import Callable

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from workshop_kit.learn.exercise.markers import lines_of
from workshop_kit.learn.exercise.regions import (
    MarkerError,
    ids,
    others_solved,
    parse,
    region_of,
    replace,
    solved,
    starter,
)

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


def test_the_solution_is_the_code_that_runs() -> None:
    """What only the starter has is gone, and so are all markers but the region lines."""
    naive = STARTER[STARTER.index("        host =") : STARTER.index('return ""') + len('return ""')]
    expected = STARTER.replace(naive, '        return os.environ["DB_URL"]')
    expected = expected.replace("return []\n\n\n", 'return ["all of them"]\n')
    assert solved(MARKED) == expected


def test_starter_and_solution_are_python() -> None:
    """Both can be read as the language they are written in."""
    for text in (starter(MARKED), solved(MARKED), MARKED):
        ast.parse(text)


def test_other_languages_work_alike() -> None:
    """Whatever has comments that begin with # can be an exercise: YAML, and a Dockerfile."""
    assert yaml.safe_load(starter(RULES)) == {"level": "all"}
    assert yaml.safe_load(solved(RULES)) == yaml.safe_load(RULES) == {"level": "warning"}
    assert starter(DOCKERFILE).split("\n")[1:3] == ["# region container.entry", "CMD app"]
    assert solved(DOCKERFILE).split("\n")[1:3] == ["# region container.entry", 'CMD ["app"]']


def test_windows_line_ends_stay() -> None:
    """A file with CRLF has CRLF in its starter, and what is put into it gets CRLF, too."""
    windows = MARKED.replace("\n", "\r\n")
    assert starter(windows) == starter(MARKED).replace("\n", "\r\n")
    assert solved(windows) == solved(MARKED).replace("\n", "\r\n")
    changed = replace(windows, "config.report", "one = 1\ntwo = 2")
    assert region_of(changed, "config.report") == "one = 1\r\ntwo = 2\r\n"
    assert changed.count("\n") == changed.count("\r\n")


def test_a_file_may_end_without_a_newline() -> None:
    """The last marker needs no newline after it, and gets none."""
    text = "# region config.env\nold\n# endregion config.env"
    assert replace(text, "config.env", "new") == "# region config.env\nnew\n# endregion config.env"


def test_only_the_region_changes() -> None:
    """What stands outside the region stays to the letter."""
    changed = replace(STARTER, "config.env", "    pass\n")
    assert ids(changed) == ids(STARTER)
    assert region_of(changed, "config.report") == region_of(STARTER, "config.report")
    assert changed.replace("    pass\n", region_of(STARTER, "config.env"), 1) == STARTER


def test_the_neighbors_are_solved_for_a_check() -> None:
    """A check sees the participant's own region and imports, and the solution in every other region."""
    mine = replace(starter(MARKED), "config.env", "    mine = 1\n").replace("import os", "import os\nimport json")
    judged = others_solved(mine, MARKED, "config.env")
    assert region_of(judged, "config.env") == "    mine = 1\n"
    assert region_of(judged, "config.report") == region_of(solved(MARKED), "config.report")
    assert "import json" in judged


def test_ordinary_comments_are_no_markers() -> None:
    """Editors fold `# region helpers` and people write sentences: neither is an exercise."""
    text = "# region helpers\n# region of interest\n# endregion\n#: a remark\n#| a table\n"
    assert parse(text) == ()


@pytest.mark.parametrize(
    ("text", "line", "problem"),
    [
        ("x\n# region a.b\ny\n", 2, "has no line `# endregion a.b`"),
        ("# endregion a.b\n", 1, "has no line `# region a.b` before it"),
        ("# region a.b\n# region a.c\n# endregion a.c\n# endregion a.b\n", 2, "stands inside `# region a.b`"),
        ("x\n# region a.b\n# region a.c\n# endregion a.c\n", 2, "has no line `# endregion a.b`; the next region"),
        ("# region a.b\n\n# region a.b\n# endregion a.b\n", 3, "is there twice (first on line 1)"),
        ("# region a.b\n# endregion a.c\n", 2, "ends another region than line 1 began"),
        ("# region a.b\n# endregion a.b\n\n# region a.b\n# endregion a.b\n", 4, "is there twice (first on line 1)"),
    ],
)
def test_regions_that_do_not_fit_are_named_with_their_line(text: str, line: int, problem: str) -> None:
    """Not closed, not opened, nested, closed by another, twice: the line is said, and what to do."""
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
        ("#: only the solution\n    #| x\n", 3, "`#|` stands outside"),
        ("#: only the starter\nx\n", 3, "not behind `#|`"),
        ("#: only the solutoin\n", 2, "`#: only the solutoin` is no section"),
        ("#: only the starter\n#| #| x\n", 3, "a marker stands behind `#|`"),
        ("#: only the starter\n#| # region a.c\n", 3, "a marker stands behind `#|`"),
        ("#: only the starter\n#| #: both\n", 3, "a marker stands behind `#|`"),
    ],
)
def test_sections_that_do_not_fit_are_named_with_their_line(body: str, line: int, problem: str) -> None:
    """An author who misplaces or misspells a section hears on which line."""
    with pytest.raises(MarkerError) as caught:
        starter(f"# region a.b\n{body}# endregion a.b\n")
    assert (caught.value.line, problem in caught.value.problem) == (line, True), caught.value


@pytest.mark.parametrize("section", ["#: both", "#: only the starter", "#| x"])
def test_sections_belong_into_regions(section: str) -> None:
    """A section marker outside every region is an error, and the section ends with its region."""
    with pytest.raises(MarkerError) as caught:
        solved(f"# region a.b\n#: only the starter\n# endregion a.b\n{section}\n")
    assert caught.value.line == 4


def test_a_missing_region_is_said() -> None:
    """A region whose two markers are both gone has no line: the file is named, and what is missing."""
    with pytest.raises(MarkerError, match=r"^this file: the lines `# region a.b`"):
        region_of("x = 1\n", "a.b")
    with pytest.raises(MarkerError) as caught:
        region_of("x = 1\n", "a.b")
    assert str(caught.value.in_file("config.py")).startswith("config.py: the lines `# region a.b`")
    assert str(MarkerError(3, "is odd").in_file("config.py")) == "config.py, line 3: is odd."


def test_markers_do_not_come_in_with_a_body() -> None:
    """What is put into a region cannot open or close one."""
    with pytest.raises(MarkerError, match="inside a region"):
        replace("# region a.b\n# endregion a.b\n", "a.b", "x\n# endregion a.b\n")


# Property tests: any text between the markers, any number of regions, both line ends.

CODE = st.text(st.characters(exclude_characters="\n#", exclude_categories=["Cs"]), max_size=12)
INDENT = st.sampled_from(["", "    ", "\t"])
NAME = st.from_regex(r"[a-z]{1,8}\.[a-z0-9]{1,8}(-[a-z0-9]{1,3})?", fullmatch=True)
END = st.sampled_from(["\n", "\r\n"])


@st.composite
def _section(draw: st.DrawFn) -> list[str]:
    """One section as lines without their ends."""
    kind = draw(st.sampled_from(["both", "only the solution", "only the starter"]))
    lines = draw(st.lists(CODE, max_size=4))
    indent = draw(INDENT)
    space = draw(st.sampled_from(["", " "]))
    return [
        f"{indent}#: {kind}",
        *(f"{indent}#|{space}{line}" if kind == "only the starter" else f"{indent}{line}" for line in lines),
    ]


@st.composite
def marked_sources(draw: st.DrawFn) -> tuple[str, list[str]]:
    """A marked source and the ids of its regions."""
    names = draw(st.lists(NAME, max_size=4, unique=True))
    lines = draw(st.lists(CODE, max_size=3))
    for name in names:
        indent = draw(INDENT)
        inside = [line for section in draw(st.lists(_section(), max_size=3)) for line in section]
        first = draw(st.lists(CODE, max_size=2))
        lines += [f"{indent}# region {name}", *first, *inside, f"{indent}# endregion {name}"]
        lines += draw(st.lists(CODE, max_size=3))
    end = draw(END)
    return end.join(lines) + draw(st.sampled_from(["", end])), names


def error_of(read: Callable[[str], object], text: str) -> MarkerError | None:
    """What is wrong with the markers of ``text``; None when nothing is."""
    try:
        read(text)
    except MarkerError as error:
        return error
    return None


@given(marked_sources())
def test_starter_and_solution_have_exactly_the_regions(source: tuple[str, list[str]]) -> None:
    """Every region of the source, in order, and no other marker."""
    marked, names = source
    assert list(ids(marked)) == names
    for made in (starter(marked), solved(marked)):
        assert list(ids(made)) == names
        assert not any(line.lstrip(" \t").startswith(("#|", "#:")) for line in lines_of(made))
        assert starter(made) == solved(made) == made  # made once, it does not change any more


@given(marked_sources(), CODE)
def test_putting_back_what_was_there_changes_nothing(source: tuple[str, list[str]], code: str) -> None:
    """replace(text, id, region_of(text, id)) is text; what is put in comes out; and back again is text."""
    marked, names = source
    text = starter(marked)
    for name in names:
        body = region_of(text, name)
        assert replace(text, name, body) == text
        changed = replace(text, name, f"{code}\n")
        assert region_of(changed, name).replace("\r\n", "\n") == f"{code}\n".replace("\r\n", "\n")
        assert region_of(replace(changed, name, body), name).replace("\r", "") == body.replace("\r", "")
        assert [region_of(changed, other) for other in names if other != name] == [
            region_of(text, other) for other in names if other != name
        ]


@given(marked_sources(), st.data())
def test_markers_damaged_by_a_learner(source: tuple[str, list[str]], data: st.DataObject) -> None:
    """One region line deleted, doubled or altered: an error at a line of that very region, or no damage at all."""
    marked, names = source
    if not names:
        return
    text = starter(marked)
    lines = lines_of(text)
    region = data.draw(st.sampled_from(parse(text)))
    at = data.draw(st.sampled_from([region.opens_at_line, region.closes_at_line])) - 1
    marker = lines[at]
    position = data.draw(st.integers(0, len(marker.rstrip("\r\n"))))
    kind = data.draw(st.sampled_from(["delete", "double", "insert", "cut"]))
    changed = {
        "delete": [],
        "double": [marker if marker.endswith("\n") else f"{marker}\n", marker],
        "insert": [marker[:position] + data.draw(CODE) + marker[position:]],
        "cut": [marker[:position] + marker[position + 1 :] if position < len(marker.rstrip("\r\n")) else marker],
    }[kind]
    damaged = "".join([*lines[:at], *changed, *lines[at + 1 :]])
    added = len(changed) - 1
    own = {region.opens_at_line, region.closes_at_line, region.closes_at_line + added, at + 2}
    error = error_of(parse, damaged)
    if error is None:
        assert [(one.id, one.body) for one in parse(damaged)] == [(one.id, one.body) for one in parse(text)]
    else:
        assert error.line in own, error
        assert "region" in lines_of(damaged)[error.line - 1]


@given(st.text())
def test_any_text_is_read_or_refused_with_a_line(text: str) -> None:
    """Nothing that somebody pastes makes it crash, and the lines are the text."""
    assert "".join(lines_of(text)) == text
    for read in (parse, starter, solved):
        error = error_of(read, text)
        assert error is None or 1 <= error.line <= len(lines_of(text))
