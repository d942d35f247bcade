"""The environment is turned into settings, or refused with everything that is wrong with it."""

from __future__ import annotations

import ast
import itertools
import os
import traceback
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from workshop_app import config, secret_file

GOOD = {
    "MASTER_DB_HOST": "master-db",
    "MASTER_DB_PORT": "3306",
    "MASTER_DB_NAME": "workshop",
    "MASTER_DB_USER": "app",
    "MASTER_DB_PASSWORD": "db canary 5e1f09",
    "MASTER_DB_SQL_MODE": "TRADITIONAL",
    "REPLICA_DB_HOST": "replica-db",
    "REPLICA_DB_PORT": "3306",
    "REPLICA_DB_NAME": "workshop",
    "REPLICA_DB_USER": "app",
    "REPLICA_DB_PASSWORD": "replica-canary-90d2e4",
    "REPLICA_DB_SQL_MODE": "TRADITIONAL",
    "REDIS_HOST": "redis",
    "REDIS_PORT": "6379",
    "REDIS_PASSWORD": "redis-canary-77ab3c",
}
OPTIONAL = {"REDIS_USER": "app", "HTTP_HOST": "::", "HTTP_PORT": "80", "HTTP_DRAIN_SECONDS": "0", "LOG_LEVEL": "debug"}
SECRETS = {"MASTER_DB_PASSWORD", "REPLICA_DB_PASSWORD", "REDIS_PASSWORD"}
SQL_MODES = {"MASTER_DB_SQL_MODE", "REPLICA_DB_SQL_MODE"}
NUMBERS = {"MASTER_DB_PORT", "REPLICA_DB_PORT", "REDIS_PORT", "HTTP_PORT", "HTTP_DRAIN_SECONDS"}


def problems(environ: dict[str, str]) -> dict[str, str]:
    """What ``load`` says is wrong, by variable."""
    with pytest.raises(config.ConfigError) as caught:
        config.load(environ)
    return {problem.variable: problem.wrong for problem in caught.value.problems}


def test_names_lead_to_groups() -> None:
    """MASTER_DB_SQL_MODE is ``master_db.sql_mode``, with its type."""
    loaded = config.load(GOOD | OPTIONAL)
    assert loaded.master_db.sql_mode == "TRADITIONAL"
    assert (loaded.master_db.host, loaded.replica_db.host) == ("master-db", "replica-db")
    assert (loaded.master_db.port, loaded.redis.port, loaded.http.port) == (3306, 6379, 80)
    assert loaded.master_db.password.get_secret_value() == GOOD["MASTER_DB_PASSWORD"]
    assert (loaded.redis.user, loaded.http.host, loaded.log.level) == ("app", "::", "debug")


def test_optional_settings_have_defaults() -> None:
    """The required variables are enough to start."""
    loaded = config.load(GOOD)
    assert (loaded.redis.user, loaded.log.level) == ("default", "info")
    assert (loaded.http.host, loaded.http.port) == ("0.0.0.0", 8080)


@pytest.mark.parametrize(
    "value", ["none", "redis", "replica-db,master-db", "master-db,replica-db,redis", "redis,redis"]
)
def test_any_dependency_may_be_critical(value: str) -> None:
    """HEALTH_CRITICAL is a list of them, or the word for an empty one; by default it is as in the talk."""
    assert config.load(GOOD | {"HEALTH_CRITICAL": value}).health.critical == value
    assert config.load(GOOD).health.critical == "master-db,redis"


@pytest.mark.parametrize(
    ("value", "wrong"),
    [
        ("", "is set, but empty"),
        ("redis, master-db", "contains white space"),
        *((value, None) for value in ("canary-91x27", "Redis", "redis,", ",", "none,redis", "NONE", "redis;master-db")),
    ],
)
def test_critical_dependencies_that_nobody_knows(value: str, wrong: str | None) -> None:
    """A name that is none of ours would make nothing critical, in silence; the problem says how to ask for nothing."""
    wrong = wrong or "is neither none nor a comma-separated list of master-db, replica-db, redis"
    assert problems(GOOD | {"HEALTH_CRITICAL": value}) == {"HEALTH_CRITICAL": wrong}
    purpose = {one.name: one.purpose for one in config.variables()}["HEALTH_CRITICAL"]
    assert "none if" in purpose


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


FOREIGN = {
    "HTTP_PROXY": "http://proxy:3128",
    "HTTPS_PROXY": "http://proxy:3128",
    "HTTPS_PORT": "443",
    "HTTP_USER_AGENT": "curl",
    "http_proxy": "http://proxy:3128",
    # What container engines and orchestrators tell about neighbors.
    "REDIS_PORT_6379_TCP": "tcp://10.0.0.1:6379",
    "REDIS_PORT_6379_TCP_PROTO": "tcp",
    "REDIS_SERVICE_HOST": "10.0.0.1",
    "REDIS_NAME": "/service/redis",
    "MASTER_DB_SERVICE_PORT": "3306",
    "MASTER_DB_ENV_MARIADB_USER": "app",
    # The bare names of our groups, and numbered siblings.
    "REDIS": "{",
    "MASTER_DB": '{"host": "elsewhere"}',
    "LOG": "all",
    "REPLICA2_DB_HOST": "replica-2",
    "REDIS_URL": "redis://",
    "LOG_FILE": "/dev/null",
    "HEALTH": "good",
    "HEALTHCHECK_INTERVAL": "5s",
    "HEALTH_CHECK_PATH": "/health",
    "LOG_FORMAT": "json",
    "PATH": "/bin",
    "": "",
}


def test_variables_of_others_are_no_concern_of_ours() -> None:
    """Platforms inject what they like."""
    assert config.load(GOOD | FOREIGN) == config.load(GOOD)


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("MASTER_DB_HSOT", "MASTER_DB_HOST"),
        ("MASTR_DB_HOST", "MASTER_DB_HOST"),
        ("MASTER_DB_PROT", "MASTER_DB_PORT"),
        ("MASTERDB_HOST", "MASTER_DB_HOST"),
        ("MASTER_DB_SQLMODE", "MASTER_DB_SQL_MODE"),
        ("REPLIKA_DB_PASWORD", "REPLICA_DB_PASSWORD"),
        ("MASTER_DB_PASS", "MASTER_DB_PASSWORD"),
        ("MASTER_DB_PASSWORD_FIEL", "MASTER_DB_PASSWORD_FILE"),
        ("REDIS_USERNAME", "REDIS_USER"),
        ("http_port", "HTTP_PORT"),
        ("HTTP_PROT", "HTTP_PORT"),
        ("HTTP-PORT", "HTTP_PORT"),
        ("LOGLEVEL", "LOG_LEVEL"),
        ("HEALTH_CRITICALS", "HEALTH_CRITICAL"),
    ],
)
def test_a_slip_of_the_pen_is_an_error(name: str, meant: str) -> None:
    """A setting that would be ignored in silence is a surprise: "did you mean" instead, without its value."""
    wrong = f"is not a setting: did you mean {meant}?"
    assert problems(GOOD | {name: "canary-91x27"}) == {name: wrong}
    without = {other: value for other, value in GOOD.items() if other != meant}
    assert problems(without | {name: "canary-91x27"})[name] == wrong


def test_only_secrets_come_from_files() -> None:
    """HTTP_PORT_FILE would be ignored: said so."""
    wrong = "is not read, only secrets come from files: set HTTP_PORT"
    assert problems(GOOD | {"HTTP_PORT_FILE": "/nowhere"}) == {"HTTP_PORT_FILE": wrong}


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


EIGHT: dict[str, dict[str, str]] = {
    "MASTER_DB_HOST": {},
    "MASTER_DB_PORT": {"MASTER_DB_PORT": "65536"},
    "MASTER_DB_PASSWORD": {"MASTER_DB_PASSWORD_FILE": "/canary-91x27"},
    "MASTER_DB_SQL_MODE": {"MASTER_DB_SQL_MODE": "canary-91x27"},
    "REPLICA_DB_USER": {"REPLICA_DB_USER": ""},
    "REDIS_HOST": {"REDIS_HOST": " "},
    "REDIS_PASSWORD": {},
    "HTTP_PORT": {"HTTP_PORT": "canary-91x27"},
}


def test_every_subset_of_eight_broken_variables_is_named() -> None:
    """All 256: missing, empty, of the wrong type or unreadable, every broken variable is named and no other."""
    for size in range(len(EIGHT) + 1):
        for broken in itertools.combinations(EIGHT, size):
            environ = {name: value for name, value in GOOD.items() if name not in broken}
            for name in broken:
                environ |= EIGHT[name]
            assert not broken or set(problems(environ)) == set(broken)
    assert config.load(GOOD)


def test_whole_groups_that_are_missing_are_named_by_their_variables() -> None:
    """Whichever groups are left out altogether, every variable in them is named."""
    groups = [{name for name in GOOD if name.startswith(prefix)} for prefix in ("MASTER_DB", "REPLICA_DB", "REDIS")]
    for size in (1, 2, 3):
        for missing in itertools.combinations(groups, size):
            gone = set().union(*missing)
            assert set(problems({name: value for name, value in GOOD.items() if name not in gone})) == gone


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
@example({"MASTER_DB_PORT": "9" * 5000, "HTTP_DRAIN_SECONDS": "nan", "LOG_LEVEL": "INFO", "REDIS_HOST": "\udcff"})
@example({"MASTER_DB_PORT": "٣٣٠٦", "REDIS_PORT": "1_0", "HTTP_PORT": "8080.0", "HTTP_DRAIN_SECONDS": "1e999"})
@example({"MASTER_DB_SQL_MODE": ",", "MASTER_DB_HOST": "{", "REDIS_PASSWORD_FILE": "\ud800", "REDIS_USER": "\u2028"})
def test_no_value_crashes_it(values: dict[str, str]) -> None:
    """Whatever stands in our variables, the answer is a Config or a ConfigError."""
    named: set[str] = set()
    try:
        config.load(GOOD | values)
    except config.ConfigError as error:
        named = {problem.variable for problem in error.problems}
    assert named <= {name.removesuffix("_FILE") for name in values}


@settings(max_examples=200, deadline=None)
@given(st.dictionaries(st.text(st.characters(exclude_characters="=\0")), ANY_VALUE))
def test_no_name_crashes_it(others: dict[str, str]) -> None:
    """Whatever else stands in the environment, it is passed over or said to be nearly one of ours."""
    named: set[str] = set()
    try:
        config.load(others | GOOD)
    except config.ConfigError as error:
        named = {problem.variable for problem in error.problems}
    assert named <= others.keys()


@pytest.mark.parametrize(
    ("variable", "value", "wrong"),
    [
        ("MASTER_DB_HOST", "", "is set, but empty"),
        ("MASTER_DB_HOST", "   ", "is nothing but white space"),
        ("REDIS_PASSWORD", " \n", "is nothing but white space"),
        ("MASTER_DB_HOST", "master-db\n", "contains white space"),
        ("MASTER_DB_PORT", "33o6", "is not a whole number"),
        ("MASTER_DB_PORT", "-1", "is not a whole number"),
        ("MASTER_DB_PORT", "3306.0", "is not a whole number"),
        ("MASTER_DB_PORT", "0", "is not a port: ports go from 1 to 65535"),
        ("REDIS_PORT", "65536", "is not a port: ports go from 1 to 65535"),
        ("REDIS_PORT", "tcp://10.0.0.1:6379", "is not a whole number"),
        ("MASTER_DB_SQL_MODE", "STRICT", "is not a comma-separated list of SQL modes that MariaDB knows"),
        ("MASTER_DB_PASSWORD", "", "is set, but empty"),
        ("LOG_LEVEL", "verbose", "is not one of debug, info, warning, error"),
        ("HTTP_DRAIN_SECONDS", "long", "is not a number"),
        ("HTTP_DRAIN_SECONDS", "nan", "is not a number"),
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
        (b"x" * secret_file.LIMIT_BYTES, "x" * secret_file.LIMIT_BYTES),
    ],
)
def test_secret_from_a_file(tmp_path: Path, content: bytes, secret: str) -> None:
    """One line end is no part of the secret; everything else is."""
    (tmp_path / "secret").write_bytes(content)
    assert config.load(with_secret_file(tmp_path / "secret")).redis.password.get_secret_value() == secret


UNUSABLE = "cannot be had from a file: REDIS_PASSWORD_FILE "


@pytest.mark.parametrize(
    ("content", "wrong"),
    [
        (b"", "names a file that is empty"),
        (b"\n", "names a file that is empty"),
        (b" \r\n", "is nothing but white space"),
        (b"x" * 1_000_000, "names a file of more than 65536 bytes"),
        (b"canary\xff", "names a file that is not UTF-8 text"),
    ],
)
def test_unusable_secret_file(tmp_path: Path, content: bytes, wrong: str) -> None:
    """A file that cannot hold a password is refused in words."""
    (tmp_path / "secret").write_bytes(content)
    assert problems(with_secret_file(tmp_path / "secret")) == {"REDIS_PASSWORD": UNUSABLE + wrong}


def test_no_secret_file(tmp_path: Path) -> None:
    """No name, nothing there, a folder, a pipe nobody writes to: said by the variable, without the path."""
    os.mkfifo(tmp_path / "pipe")
    for path, wrong in {
        "": "is empty",
        str(tmp_path / "nope"): "names a file that cannot be read (No such file or directory)",
        str(tmp_path): "names a folder",
        str(tmp_path / "pipe"): "names something that is not a file",
        "/dev/zero": "names something that is not a file",
        "x" * 5000: "names a file that cannot be read (File name too long)",
    }.items():
        assert problems(with_secret_file(Path("x")) | {"REDIS_PASSWORD_FILE": path}) == {
            "REDIS_PASSWORD": UNUSABLE + wrong
        }


def test_unreadable_secret_file(tmp_path: Path) -> None:
    """A file of somebody else's is said to be one."""
    (tmp_path / "secret").write_text("canary")
    (tmp_path / "secret").chmod(0)
    user = os.geteuid()
    folders = [folder for folder in (tmp_path, *tmp_path.parents) if user == 0 and folder.stat().st_uid == 0]
    modes = [folder.stat().st_mode for folder in folders]
    try:
        if user == 0:  # whom no mode keeps out
            for folder, mode in zip(folders, modes, strict=True):
                folder.chmod(mode | 0o011)
            os.seteuid(65534)
        assert problems(with_secret_file(tmp_path / "secret")) == {
            "REDIS_PASSWORD": UNUSABLE + "names a file that cannot be read (Permission denied)"
        }
    finally:
        os.seteuid(user)
        for folder, mode in zip(folders, modes, strict=True):
            folder.chmod(mode)


def test_environment_is_read_in_one_place() -> None:
    """Only the entry point touches ``os.environ``, to hand it to ``load``; the probe is a program of its own."""
    readers = set()
    for path in Path(config.__file__).parent.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            name = node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""
            if name in {"environ", "environb", "getenv"} and isinstance(node, ast.Attribute):
                readers.add(path.name)
    assert readers == {"__main__.py", "probe.py"}
