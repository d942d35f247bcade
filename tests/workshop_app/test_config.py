"""Configuration: an environment becomes settings, or one error with every problem."""

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

OPTIONAL = {"REDIS_USER": "app", "HTTP_HOST": "::", "HTTP_PORT": "80", "HTTP_DRAIN_SECONDS": "0", "LOG_LEVEL": "debug"}
SECRETS = {"MASTER_DB_PASSWORD", "REPLICA_DB_PASSWORD", "REDIS_PASSWORD"}
SQL_MODES = {"MASTER_DB_SQL_MODE", "REPLICA_DB_SQL_MODE"}
NUMBERS = {"MASTER_DB_PORT", "REPLICA_DB_PORT", "REDIS_PORT", "HTTP_PORT", "HTTP_DRAIN_SECONDS"}


def problems(environ: dict[str, str]) -> dict[str, str]:
    """The problems that ``load`` reports, by variable."""
    with pytest.raises(config.ConfigError) as caught:
        config.load(environ)
    return {problem.variable: problem.wrong for problem in caught.value.problems}


def test_names_lead_to_groups() -> None:
    """MASTER_DB_SQL_MODE is ``master_db.sql_mode``, with its type; optional settings have defaults."""
    loaded = config.load(GOOD | OPTIONAL)
    assert loaded.master_db.sql_mode == "TRADITIONAL"
    assert (loaded.master_db.host, loaded.replica_db.host) == ("master-db", "replica-db")
    assert (loaded.master_db.port, loaded.redis.port, loaded.http.port) == (3306, 6379, 80)
    assert loaded.master_db.password.get_secret_value() == GOOD["MASTER_DB_PASSWORD"]
    assert (loaded.redis.user, loaded.http.host, loaded.log.level) == ("app", "::", "debug")
    default = config.load(GOOD)
    assert (default.redis.user, default.log.level) == ("default", "info")
    assert (default.http.host, default.http.port) == ("0.0.0.0", 8080)


@pytest.mark.parametrize(
    "value", ["redis, master-db", "canary-91x27", "Redis", "redis,", ",", "none,redis", "NONE", "redis;master-db"]
)
def test_unknown_critical_dependencies_are_refused(value: str) -> None:
    """A misspelled name would make no dependency critical; the problem lists the names and the word none."""
    wrong = "is neither none nor a comma-separated list of master-db, replica-db, redis"
    assert problems(GOOD | {"HEALTH_CRITICAL": value}) == {"HEALTH_CRITICAL": wrong}


FOREIGN = {
    "HTTP_PROXY": "http://proxy:3128",
    "HTTP_USER_AGENT": "curl",
    # Injected by container engines and orchestrators.
    "REDIS_PORT_6379_TCP": "tcp://10.0.0.1:6379",
    "REDIS_SERVICE_HOST": "10.0.0.1",
    "MASTER_DB_ENV_MARIADB_USER": "app",
    # The bare names of the groups, and numbered siblings.
    "REDIS": "{",
    "MASTER_DB": '{"host": "elsewhere"}',
    "REPLICA2_DB_HOST": "replica-2",
    "REDIS_URL": "redis://",
    "HEALTH_CHECK_PATH": "/health",
    "LOG_FORMAT": "json",
    "": "",
}


def test_unrelated_variables_are_ignored() -> None:
    """Platforms inject variables with similar names."""
    assert config.load(GOOD | FOREIGN) == config.load(GOOD)


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("MASTER_DB_HSOT", "MASTER_DB_HOST"),
        ("MASTER_DB_PASS", "MASTER_DB_PASSWORD"),
        ("http_port", "HTTP_PORT"),
        ("LOGLEVEL", "LOG_LEVEL"),
        ("REDIS_PASSWROD_FILE", "REDIS_PASSWORD_FILE"),
    ],
)
def test_misspelled_names_are_refused(name: str, meant: str) -> None:
    """A misspelled setting would be ignored silently; the problem says "did you mean", without the value."""
    wrong = f"is not a setting: did you mean {meant}?"
    assert problems(GOOD | {name: "canary-91x27"}) == {name: wrong}
    without = {other: value for other, value in GOOD.items() if other != meant}
    assert problems(without | {name: "canary-91x27"})[name] == wrong


def test_any_setting_comes_from_a_file(tmp_path: Path) -> None:
    """Not only a secret; it is validated like a variable, and its value is not shown."""
    (tmp_path / "port").write_text("8123\n")
    assert config.load(GOOD | {"HTTP_PORT_FILE": str(tmp_path / "port")}).http.port == 8123
    (tmp_path / "port").write_text("80o0\n")
    wrong = problems(GOOD | {"HTTP_PORT_FILE": str(tmp_path / "port")})
    assert wrong == {"HTTP_PORT": "should be a valid integer, unable to parse string as an integer"}


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
@given(st.dictionaries(st.sampled_from(list(GOOD)), st.sampled_from(list(BREAKS)), min_size=1))
def test_every_mixture_of_problems_is_named(broken: dict[str, str]) -> None:
    """All broken variables are named with their purpose, no other, and no value is shown."""
    environ = {name: value for name, value in GOOD.items() if name not in broken}
    for name, how in broken.items():
        environ |= BREAKS[how](name)
    with pytest.raises(config.ConfigError) as caught:
        config.load(environ)
    assert [p.variable for p in caught.value.problems] == [name for name in GOOD if name in broken]
    assert all(p.purpose and p.wrong for p in caught.value.problems)
    shown = "".join(traceback.format_exception(caught.value)) + repr(caught.value.problems)
    assert "canary" not in shown
    assert "918273" not in shown


@pytest.mark.parametrize(
    ("variable", "value", "wrong"),
    [
        ("MASTER_DB_HOST", "", "is set, but empty"),
        ("MASTER_DB_HOST", "   ", r"should match pattern '^\S+$'"),
        ("REDIS_PASSWORD", " \n", "is set, but empty"),
        ("MASTER_DB_HOST", "master-db\n", r"should match pattern '^\S+$'"),
        ("MASTER_DB_PORT", "33o6", "should be a valid integer, unable to parse string as an integer"),
        ("MASTER_DB_PORT", "0", "should be greater than or equal to 1"),
        ("REDIS_PORT", "65536", "should be less than or equal to 65535"),
        ("MASTER_DB_SQL_MODE", "strict mode", "should match pattern '^[A-Za-z_]+(,[A-Za-z_]+)*$'"),
        ("LOG_LEVEL", "verbose", "should be 'debug', 'info', 'warning' or 'error'"),
        ("HTTP_ADMIN", "maybe", "should be a valid boolean, unable to interpret input"),
        ("HTTP_DRAIN_SECONDS", "60", "should be less than or equal to 5"),
    ],
)
def test_each_problem_has_its_words(variable: str, value: str, wrong: str) -> None:
    """A person can mend it without reading the code."""
    assert problems(GOOD | {variable: value}) == {variable: wrong}


def with_secret_file(path: Path) -> dict[str, str]:
    """GOOD, with one password from a file."""
    return {name: value for name, value in GOOD.items() if name != "REDIS_PASSWORD"} | {
        "REDIS_PASSWORD_FILE": str(path)
    }


@pytest.mark.parametrize(
    ("content", "secret"),
    [
        (b"s3cret", "s3cret"),
        (b"s3cret\n", "s3cret"),
        (b"s3cret\r\n", "s3cret"),
        (b"s3cret\n\n", "s3cret\n"),
        (b" s3 cret ", " s3 cret "),
        ("gehëim🔑".encode(), "gehëim🔑"),
    ],
)
def test_secret_from_a_file(tmp_path: Path, content: bytes, secret: str) -> None:
    """One line end is no part of the secret; everything else is."""
    (tmp_path / "secret").write_bytes(content)
    assert config.load(with_secret_file(tmp_path / "secret")).redis.password.get_secret_value() == secret


def test_unusable_secret_files_are_refused(tmp_path: Path) -> None:
    """Missing, empty, not UTF-8, a folder, a pipe without a writer, an endless file: the problem hides the path."""
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "empty").touch()
    (tmp_path / "bytes").write_bytes(b"canary\xff")
    names = [str(tmp_path / name) for name in ("", "none", "pipe", "empty", "bytes")]
    for path in ("", "/dev/zero", "x" * 5000, *names):
        wrong = {"REDIS_PASSWORD": "cannot be read from the file that REDIS_PASSWORD_FILE names"}
        assert problems(with_secret_file(Path("x")) | {"REDIS_PASSWORD_FILE": path}) == wrong
    (tmp_path / "blank").write_text(" \r\n")
    assert problems(with_secret_file(tmp_path / "blank")) == {"REDIS_PASSWORD": "is set, but empty"}


def test_documentation_is_equal() -> None:
    """docs/settings.md has the same settings in the same order, with the same words."""
    text = (Path(__file__).parents[2] / "docs" / "settings.md").read_text()
    rows = [line.strip("|").split("|") for line in text.splitlines() if line.startswith("| `")]
    assert [tuple(cell.strip().strip("`") for cell in row) for row in rows] == [
        (one.variable, "yes" if one.default is None else "no", one.default or "", one.purpose)
        for one in config.VARIABLES
    ]
