"""Configuration: an environment becomes settings, or one sentence for each variable that is wrong.

Which setting a variable becomes: the participants' own test, run by a cell of lesson 02c. A password that is given
twice, and one line for all mistakes of a start: the checks of config.file and config.report.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from unittest.mock import patch

import pytest
from pydantic import ValidationError

import config
from tests.examples import given, settings, st
from tests.workshop_app.conftest import SETTINGS as GOOD
from tests.workshop_app.conftest import load

SECRETS = {"MASTER_DB_PASSWORD", "REPLICA_DB_PASSWORD", "REDIS_PASSWORD"}
PORTS = {"MASTER_DB_PORT", "REPLICA_DB_PORT", "REDIS_PORT"}
OPTIONS = ("HTTP_PORT", "HTTP_DRAIN_SECONDS", "HEALTH_CRITICAL", "LOG_LEVEL")


def problems(environ: dict[str, str]) -> list[str]:
    """The sentences on the variables that are refused."""
    with pytest.raises(ValidationError) as caught:
        load(environ)
    return config.problems(caught.value)


def misspelled(environ: dict[str, str]) -> list[str]:
    """The sentences on names that are nearly those of settings."""
    with patch.dict(os.environ, environ, clear=True):
        return config.misspelled()


def test_unrelated_variables_are_ignored() -> None:
    """Platforms inject variables with similar names."""
    foreign = {"HTTP_PROXY": "http://proxy:3128", "REDIS_PORT_6379_TCP": "tcp://10.0.0.1:6379", "HOST": "a"}
    assert load(GOOD | foreign) == load(GOOD)
    assert misspelled(GOOD | foreign) == []


@pytest.mark.parametrize(
    ("meant", "name"),
    [
        ("MASTER_DB_HOST", "MASTER_DB_HSOT"),
        ("REDIS_PASSWORD", "REDIS_PASSWROD_FILE"),
        ("HTTP_DRAIN_SECONDS", "HTTP_DRAIN_SECOND"),
    ],
)
def test_misspelled_names_are_refused(meant: str, name: str) -> None:
    """A misspelled setting would be ignored silently; the sentence says "did you mean", without the value."""
    assert misspelled(GOOD | {name: "canary"}) == [f"{name}: there is no such setting, did you mean {meant}?"]


Break = Callable[[str], dict[str, str]]
BREAKS: dict[str, Break] = {
    "missing": lambda _: {},
    "empty": lambda name: {name: ""},
    "spaced": lambda name: {name: "" if name in SECRETS else " canary-91x27 "},
    "wrong": lambda name: {name: "canary-91x27"} if name in PORTS else {},
    "out of range": lambda name: {name: "918273645"} if name in PORTS else {},
}


@settings(max_examples=100, deadline=None)
@given(
    st.dictionaries(st.sampled_from(list(GOOD)), st.sampled_from(list(BREAKS)), min_size=1),
    st.sets(st.sampled_from(OPTIONS)),
)
def test_every_mixture_of_problems_is_named(broken: dict[str, str], options: set[str]) -> None:
    """All broken variables are named at once, no other is, and no value is shown."""
    environ = {name: value for name, value in GOOD.items() if name not in broken}
    environ |= dict.fromkeys(options, "canary-91x27")
    for name, how in broken.items():
        environ |= BREAKS[how](name)

    sentences = problems(environ)
    assert {sentence.partition(": ")[0] for sentence in sentences} == broken.keys() | options
    assert len(sentences) == len(broken.keys() | options)
    assert "canary" not in "".join(sentences)
    assert "918273" not in "".join(sentences)


def test_a_password_is_no_part_of_what_is_printed() -> None:
    """Settings that are logged by mistake show stars."""
    read = load(GOOD)
    assert all(GOOD[name] not in f"{read!r} {read}" for name in SECRETS)
    assert read.redis.password.get_secret_value() == GOOD["REDIS_PASSWORD"]


def from_file(path: Path | str) -> dict[str, str]:
    """GOOD, with Redis' password from a file."""
    environ = {**GOOD, "REDIS_PASSWORD_FILE": str(path)}
    del environ["REDIS_PASSWORD"]
    return environ


@pytest.mark.parametrize(("content", "secret"), [(b"s3cret\n", "s3cret"), (b"a\n\n", "a\n"), (b" \xc3\xab ", " ë ")])
def test_a_password_comes_from_a_file(content: bytes, secret: str, tmp_path: Path) -> None:
    """One line end is no part of it; everything else is."""
    path = tmp_path / "password"
    path.write_bytes(content)
    assert load(from_file(path)).redis.password.get_secret_value() == secret


def test_unusable_files_are_refused(tmp_path: Path) -> None:
    """Missing, a folder, not UTF-8, a path that is too long or empty: the sentence hides the path."""
    (tmp_path / "bytes").write_bytes(b"canary\xff")
    for path in ("", "x" * 5000, str(tmp_path), str(tmp_path / "none"), str(tmp_path / "bytes")):
        (sentence,) = problems(from_file(path))
        assert sentence == "REDIS: Value error, the file that PASSWORD_FILE names cannot be read"

    (tmp_path / "empty").write_text("\n")
    (sentence,) = problems(from_file(tmp_path / "empty"))
    assert sentence.startswith("REDIS_PASSWORD: ")
