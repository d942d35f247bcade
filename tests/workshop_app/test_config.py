"""Configuration: an environment becomes settings, or one error with every problem.

Which setting a variable becomes: the participants' own test, run by a cell of lesson 02b.
"""

from __future__ import annotations

import os
import traceback
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.workshop_app.conftest import SETTINGS as GOOD
from workshop_app import config

SECRETS = {"MASTER_DB_PASSWORD", "REPLICA_DB_PASSWORD", "REDIS_PASSWORD"}
SQL_MODES = {"MASTER_DB_SQL_MODE", "REPLICA_DB_SQL_MODE"}
NUMBERS = {"MASTER_DB_PORT", "REPLICA_DB_PORT", "REDIS_PORT", "HTTP_PORT", "HTTP_DRAIN_SECONDS"}
OPTIONAL = ("HTTP_ADMIN", "HEALTH_CRITICAL", "LOG_LEVEL")


def problems(environ: dict[str, str]) -> dict[str, str]:
    """The problems that ``load`` reports, by variable."""
    with pytest.raises(config.ConfigError) as caught:
        config.load(environ)
    return {problem.variable: problem.wrong for problem in caught.value.problems}


def test_unrelated_variables_are_ignored() -> None:
    """Platforms inject variables with similar names."""
    foreign = {"HTTP_PROXY": "http://proxy:3128", "REDIS_PORT_6379_TCP": "tcp://10.0.0.1:6379", "REDIS": "{", "": ""}
    assert config.load(GOOD | foreign) == config.load(GOOD)


def test_misspelled_names_are_refused() -> None:
    """A misspelled setting would be ignored silently; the problem says "did you mean", without the value."""
    for meant, name in (
        ("MASTER_DB_HOST", "MASTER_DB_HSOT"),
        ("HTTP_PORT", "http_port"),
        ("REDIS_PASSWORD_FILE", "REDIS_PASSWROD_FILE"),
    ):
        wrong = f"is not a setting: did you mean {meant}?"
        assert problems(GOOD | {name: "canary-91x27"}) == {name: wrong}
        without = {other: value for other, value in GOOD.items() if other != meant}
        assert problems(without | {name: "canary-91x27"})[name] == wrong


Break = Callable[[str], dict[str, str]]
BREAKS: dict[str, Break] = {
    "missing": lambda _: {},
    "empty": lambda name: {name: ""},
    "spaced": lambda name: {name: "" if name in SECRETS else " canary-91x27 "},
    "wrong": lambda name: {name: "canary-91x27"} if name in NUMBERS | SQL_MODES else {},
    "out of range": lambda name: {name: "918273645"} if name in NUMBERS else {name: ""},
    "twice": lambda name: {name: "canary-91x27", f"{name}_FILE": "/x"} if name in SECRETS else {},
    "no such file": lambda name: {f"{name}_FILE": "/canary-91x27"} if name in SECRETS else {},
}


@settings(max_examples=100, deadline=None)
@given(
    st.dictionaries(st.sampled_from(list(GOOD)), st.sampled_from(list(BREAKS)), min_size=1),
    st.sets(st.sampled_from(OPTIONAL)),
)
def test_every_mixture_of_problems_is_named(broken: dict[str, str], optional: set[str]) -> None:
    """All broken variables are named with their purpose, no other, and no value is shown."""
    environ = {name: value for name, value in GOOD.items() if name not in broken}
    environ |= dict.fromkeys(optional, "canary-91x27")
    for name, how in broken.items():
        environ |= BREAKS[how](name)
    with pytest.raises(config.ConfigError) as caught:
        config.load(environ)
    names = [one.variable for one in config.VARIABLES if one.variable in broken.keys() | optional]
    assert [problem.variable for problem in caught.value.problems] == names
    assert all(problem.purpose and problem.wrong for problem in caught.value.problems)
    shown = "".join(traceback.format_exception(caught.value)) + repr(caught.value.problems)
    assert "canary" not in shown
    assert "918273" not in shown


def from_file(variable: str, path: Path | str) -> dict[str, str]:
    """GOOD, with one setting from a file."""
    return {name: value for name, value in GOOD.items() if name != variable} | {f"{variable}_FILE": str(path)}


def test_any_setting_comes_from_a_file(tmp_path: Path) -> None:
    """It is validated like a variable. One line end is no part of a secret; everything else is."""
    file = tmp_path / "setting"
    for content, secret in ((b"s3cret\r\n", "s3cret"), (b"s3cret\n\n", "s3cret\n"), (b" \xc3\xab ", " ë ")):
        file.write_bytes(content)
        assert config.load(from_file("REDIS_PASSWORD", file)).redis.password.get_secret_value() == secret
    file.write_text("8123\n")
    assert config.load(from_file("HTTP_PORT", file)).http.port == 8123
    file.write_text("80o0\n")
    wrong = problems(from_file("HTTP_PORT", file))
    assert wrong == {"HTTP_PORT": "should be a valid integer, unable to parse string as an integer"}


def test_unusable_secret_files_are_refused(tmp_path: Path) -> None:
    """Missing, empty, not UTF-8, a folder, a pipe without a writer, an endless file: the problem hides the path."""
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "empty").touch()
    (tmp_path / "bytes").write_bytes(b"canary\xff")
    (tmp_path / "blank").write_text(" \r\n")
    wrong = "cannot be read from the file that REDIS_PASSWORD_FILE names"
    names = [str(tmp_path / name) for name in ("", "none", "pipe", "empty", "bytes")]
    for path in ("", "/dev/zero", "x" * 5000, *names):
        assert problems(from_file("REDIS_PASSWORD", path)) == {"REDIS_PASSWORD": wrong}
    assert problems(from_file("REDIS_PASSWORD", tmp_path / "blank")) == {"REDIS_PASSWORD": "is set, but empty"}


def test_documentation_is_equal(root: Path) -> None:
    """docs/settings.md has the same settings in the same order, with the same words."""
    text = (root / "docs" / "settings.md").read_text()
    rows = [line.strip("|").split("|") for line in text.splitlines() if line.startswith("| `")]
    assert [tuple(cell.strip().strip("`") for cell in row) for row in rows] == [
        (one.variable, "yes" if one.default is None else "no", one.default or "", one.purpose)
        for one in config.VARIABLES
    ]
