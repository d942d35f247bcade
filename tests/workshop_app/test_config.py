"""The environment is turned into settings, or refused with everything that is wrong with it."""

from __future__ import annotations

import ast
import itertools
import traceback
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from workshop_app import config

GOOD = {
    "MASTER_DB_HOST": "master-db",
    "MASTER_DB_PORT": "3306",
    "MASTER_DB_NAME": "workshop",
    "MASTER_DB_USER": "app",
    "MASTER_DB_PASSWORD": "db canary 5e1f09",
    "MASTER_DB_SQL_MODE": "TRADITIONAL",
    "REDIS_HOST": "redis",
    "REDIS_PORT": "6379",
    "REDIS_PASSWORD": "redis-canary-77ab3c",
}
OPTIONAL = {"REDIS_USER": "app", "HTTP_HOST": "::", "HTTP_PORT": "80", "HTTP_DRAIN_SECONDS": "0", "LOG_LEVEL": "debug"}
SECRETS = {"MASTER_DB_PASSWORD", "REDIS_PASSWORD"}
NUMBERS = {"MASTER_DB_PORT", "REDIS_PORT", "HTTP_PORT", "HTTP_DRAIN_SECONDS"}


def problems(environ: dict[str, str]) -> dict[str, str]:
    """What ``load`` says is wrong, by variable."""
    with pytest.raises(config.ConfigError) as caught:
        config.load(environ)
    return {problem.variable: problem.wrong for problem in caught.value.problems}


def test_names_lead_to_groups() -> None:
    """MASTER_DB_SQL_MODE is ``master_db.sql_mode``, with its type."""
    loaded = config.load(GOOD | OPTIONAL)
    assert loaded.master_db.sql_mode == "TRADITIONAL"
    assert (loaded.master_db.port, loaded.redis.port, loaded.http.port) == (3306, 6379, 80)
    assert loaded.master_db.password.get_secret_value() == GOOD["MASTER_DB_PASSWORD"]
    assert (loaded.redis.user, loaded.http.host, loaded.log.level) == ("app", "::", "debug")


def test_optional_settings_have_defaults() -> None:
    """Nine variables are enough to start."""
    loaded = config.load(GOOD)
    assert (loaded.redis.user, loaded.log.level) == ("default", "info")
    assert (loaded.http.host, loaded.http.port) == ("0.0.0.0", 8080)


def test_settings_do_not_change() -> None:
    """What was read at the start holds until the end."""
    loaded = config.load(GOOD)
    with pytest.raises(ValidationError):
        loaded.http = config.Http(port=1)
    with pytest.raises(ValidationError):
        loaded.http.port = 1


def test_secrets_do_not_print() -> None:
    """A printed Config shows no password."""
    text = repr(config.load(GOOD)) + str(config.load(GOOD))
    assert "canary" not in text


def test_only_the_argument_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment of the process is not looked at behind the caller's back."""
    for name, value in (GOOD | OPTIONAL).items():
        monkeypatch.setenv(name, value)
    assert set(problems({})) == set(GOOD)
    assert config.load(GOOD).http.port == 8080


def test_variables_of_others_are_no_concern_of_ours() -> None:
    """Platforms inject what they like: HTTP_PROXY, service links, our groups' bare names, other spellings."""
    foreign = {
        "HTTP_PROXY": "http://proxy:3128",
        "REDIS_PORT_6379_TCP": "tcp://10.0.0.1:6379",
        "REDIS": "{",
        "MASTER_DB": '{"host": "elsewhere"}',
        "LOG": "all",
        "http_port": "1",
        "HTTP_PORT_FILE": "/nowhere",
    }
    assert config.load(GOOD | foreign) == config.load(GOOD)


Break = Callable[[str], dict[str, str]]
BREAKS: dict[str, Break] = {
    "missing": lambda _: {},
    "empty": lambda name: {name: ""},
    "spaced": lambda name: {name: "" if name in SECRETS else " canary-91x27 "},
    "wrong": lambda name: {name: "canary-91x27"} if name in NUMBERS | {"MASTER_DB_SQL_MODE"} else {},
    "out of range": lambda name: {name: "918273645"} if name in NUMBERS else {name: ""},
    "twice": lambda name: {name: "canary-91x27", f"{name}_FILE": "/x"} if name in SECRETS else {},
    "no such file": lambda name: {f"{name}_FILE": "/canary-91x27"} if name in SECRETS else {},
}


def test_every_subset_of_broken_variables_is_named() -> None:
    """Whichever of the required variables are missing, all of them are named and no other."""
    for size in range(len(GOOD) + 1):
        for broken in itertools.combinations(GOOD, size):
            environ = {name: value for name, value in GOOD.items() if name not in broken}
            assert not broken or set(problems(environ)) == set(broken)


@settings(max_examples=400, deadline=None)
@given(st.dictionaries(st.sampled_from(list(GOOD)), st.sampled_from(list(BREAKS)), min_size=1))
def test_every_mixture_of_problems_is_named(broken: dict[str, str]) -> None:
    """However variables are broken, all of them are named, no other, each with its purpose, and no value is shown."""
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


# What an environment can hold: no NUL; bytes that are not UTF-8 arrive as surrogates.
ANY_VALUE = st.text(st.characters(exclude_characters="\0", exclude_categories=())).filter(
    lambda value: not any("\ud800" <= c < "\udc80" or "\udcff" < c <= "\udfff" for c in value)
)


@settings(max_examples=400, deadline=None)
@given(st.dictionaries(st.sampled_from(list(GOOD | OPTIONAL) + [f"{name}_FILE" for name in SECRETS]), ANY_VALUE))
def test_no_value_crashes_it(values: dict[str, str]) -> None:
    """Whatever stands in our variables, the answer is a Config or a ConfigError."""
    named: set[str] = set()
    try:
        config.load(GOOD | values)
    except config.ConfigError as error:
        named = {problem.variable for problem in error.problems}
    assert named <= {name.removesuffix("_FILE") for name in values}


@pytest.mark.parametrize(
    ("variable", "value", "wrong"),
    [
        ("MASTER_DB_HOST", "", "is set, but empty"),
        ("MASTER_DB_HOST", "   ", "contains white space"),
        ("MASTER_DB_HOST", "master-db\n", "contains white space"),
        ("MASTER_DB_PORT", "33o6", "is not a whole number"),
        ("MASTER_DB_PORT", "0", "should be greater than or equal to 1"),
        ("REDIS_PORT", "65536", "should be less than or equal to 65535"),
        ("REDIS_PORT", "tcp://10.0.0.1:6379", "is not a whole number"),
        ("MASTER_DB_SQL_MODE", "STRICT", "is not a comma-separated list of SQL modes that MariaDB knows"),
        ("MASTER_DB_PASSWORD", "", "is set, but empty"),
        ("LOG_LEVEL", "verbose", "is not one of debug, info, warning, error"),
        ("HTTP_DRAIN_SECONDS", "long", "is not a number"),
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
        (b"x" * config.SECRET_FILE_LIMIT_BYTES, "x" * config.SECRET_FILE_LIMIT_BYTES),
    ],
)
def test_secret_from_a_file(tmp_path: Path, content: bytes, secret: str) -> None:
    """One line end is no part of the secret; everything else is."""
    (tmp_path / "secret").write_bytes(content)
    assert config.load(with_secret_file(tmp_path / "secret")).redis.password.get_secret_value() == secret


@pytest.mark.parametrize(
    ("content", "wrong"),
    [
        (b"", "is set, but empty"),
        (b"\n", "is set, but empty"),
        (b"x" * 1_000_000, "is larger than 65536 bytes in the file that REDIS_PASSWORD_FILE names"),
        (b"canary\xff", "is not UTF-8 text in the file that REDIS_PASSWORD_FILE names"),
    ],
)
def test_unusable_secret_file(tmp_path: Path, content: bytes, wrong: str) -> None:
    """A file that cannot hold a password is refused in words."""
    (tmp_path / "secret").write_bytes(content)
    assert problems(with_secret_file(tmp_path / "secret")) == {"REDIS_PASSWORD": wrong}


def test_missing_secret_file(tmp_path: Path) -> None:
    """A file that is not there, or is a folder, is named by its variable, not by its path."""
    words = "cannot be read from the file that REDIS_PASSWORD_FILE names: "
    assert problems(with_secret_file(tmp_path / "nope")) == {"REDIS_PASSWORD": words + "No such file or directory"}
    assert problems(with_secret_file(tmp_path)) == {"REDIS_PASSWORD": words + "Is a directory"}


def test_environment_is_read_in_one_place() -> None:
    """Only the entry point touches ``os.environ``, to hand it to ``load``; the probe is a program of its own."""
    readers = set()
    for path in Path(config.__file__).parent.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            name = node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""
            if name in {"environ", "environb", "getenv"} and isinstance(node, ast.Attribute):
                readers.add(path.name)
    assert readers == {"__main__.py", "probe.py"}
