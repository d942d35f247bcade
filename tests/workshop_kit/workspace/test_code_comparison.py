"""When an exercise counts as not started: the same code, whatever happened to comments and spaces."""

from __future__ import annotations

import pytest

from workshop_kit.workspace.code_comparison import language_of, same_code

CODE = '''    def live(self) -> str:
        """Says."""
        if self.up:
            return "up # really"
        return ""
'''


@pytest.mark.parametrize(
    "other",
    [
        CODE.replace("\n", "\r\n"),
        CODE.replace("\n", "\n\n"),
        CODE.replace("up:\n", "up:  # a remark\n            # and another\n"),
        CODE.replace('return ""', 'return   ""'),
    ],
)
def test_what_does_not_run_does_not_count(other: str) -> None:
    """Comments, blank lines, line ends and spaces make no difference to Python."""
    assert same_code(CODE, other)


@pytest.mark.parametrize(
    "other",
    [
        CODE.replace('""\n', '"1"\n'),
        CODE.replace("# really", "really"),
        CODE.replace('        return ""\n', '            return ""\n'),
        CODE + "x",
        "",
    ],
)
def test_what_runs_counts(other: str) -> None:
    """A value, a string that looks like a comment, an indent: the participant has begun."""
    assert not same_code(CODE, other)


def test_other_languages_are_compared_line_by_line() -> None:
    """In YAML the indent counts, comment lines and blank lines do not."""
    assert same_code("a:\n  b: 1\n", "# say\n\na:   \n  b: 1", language=language_of("rules.yaml"))
    assert not same_code("a:\n  b: 1\n", "a:\nb: 1\n", language=language_of("rules.yaml"))
    assert language_of("health.py") == language_of("01_container.ipynb") == "python"
