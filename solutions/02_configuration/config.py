"""Configuration: every setting of the service, read from the environment once, here and nowhere else.

The rest of the service uses these names:

- ``load(environ) -> Config``: the settings found in a mapping such as ``os.environ``; raises ``ConfigError``.
- ``Config``: frozen; ``.master_db``, ``.replica_db``, ``.redis``, ``.http``, ``.health``, ``.log``, and all in them.
- ``ConfigError``: ``.problems`` is a list of ``Problem(variable, purpose, wrong)``, one for each variable.
- ``VARIABLES``: the environment variables, each with its purpose and its default.

The variable of ``config.master_db.host`` is ``MASTER_DB_HOST``. Any setting may stand in a file instead, as secrets
should: ``MASTER_DB_PASSWORD_FILE`` names that file.
"""

import difflib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, ValidationError

DEPENDENCIES = ("master-db", "replica-db", "redis")  # as the service calls them in its log and in /health


# region config.redact
#: only the solution
class Secret(SecretStr):
    """A password: printed, it is stars; ``get_secret_value()`` returns the text."""


def what_is_wrong(value: str, problem: str) -> str:
    """Say what is wrong with a value, for the log; never the value, which may be a secret in the wrong place."""
    return problem if value else "is set, but empty"


#: only the starter
#| @dataclass(frozen=True)
#| class Secret:
#|     """A password; ``get_secret_value()`` returns the text."""
#|
#|     text: str
#|
#|     def get_secret_value(self) -> str:
#|         """The text."""
#|         return self.text
#|
#|
#| def what_is_wrong(value: str, problem: str) -> str:
#|     """Say what is wrong with a value, for the log: the person who mends it should see it."""
#|     return f"is {value!r}: {problem}"
#|
#|
#: both
# endregion config.redact


def _dependencies(value: str) -> str:
    if value != "none" and not set(value.split(",")) <= set(DEPENDENCIES):
        raise ValueError(f"is neither none nor a comma-separated list of {', '.join(DEPENDENCIES)}")
    return value


def _password(value: str) -> Secret:
    if not value.strip():
        raise ValueError("is set, but empty")
    return Secret(value)


Text = Annotated[str, Field(pattern=r"^\S+$")]  # no white space
Port = Annotated[int, Field(ge=1, le=65535)]
SqlMode = Annotated[str, Field(pattern=r"^[A-Za-z_]+(,[A-Za-z_]+)*$")]
Names = Annotated[str, AfterValidator(_dependencies)]
Password = Annotated[Secret, BeforeValidator(_password)]


class Group(BaseModel):
    """Settings that belong together; they do not change while the service runs."""

    model_config = ConfigDict(frozen=True, arbitrary_types_allowed=True)


class Database(Group):
    """MariaDB: the master takes the writes, its replica answers what is only read."""

    host: Text = Field(description="host name of the database")
    port: Port = Field(description="port of the database")
    name: Text = Field(description="name of the database that holds the orders")
    user: Text = Field(description="user at the database")
    password: Password = Field(description="password of that user")
    sql_mode: SqlMode = Field(description="SQL mode of every connection, such as TRADITIONAL")


class Redis(Group):
    """The cache."""

    host: Text = Field(description="host name of Redis")
    port: Port = Field(description="port of Redis")
    user: Text = Field(default="default", description="user at Redis")
    password: Password = Field(description="password of that user")


class Http(Group):
    """Where the service listens, and how long it serves on after SIGTERM."""

    host: Text = Field(default="0.0.0.0", description="address to listen on")  # noqa: S104  # a container's own network
    port: Port = Field(default=8080, description="port to listen on")
    drain_seconds: float = Field(default=1.0, ge=0, le=5, description="how long to serve on after SIGTERM, not ready")
    admin: bool = Field(default=False, description="serve /admin/log-level, without a password")
    faults: bool = Field(default=False, description="serve /admin/faults, without a password")


class Health(Group):
    """When the service is healthy."""

    critical: Names = Field(default="master-db,redis", description="dependencies it is not ready without, or none")


class Log(Group):
    """Which lines are logged."""

    level: Literal["debug", "info", "warning", "error"] = Field(default="info", description="least level logged")


class Config(Group):
    """All settings, by group."""

    master_db: Database
    replica_db: Database
    redis: Redis
    http: Http
    health: Health
    log: Log


@dataclass(frozen=True)
class Problem:
    """One variable that cannot be used."""

    variable: str
    purpose: str
    wrong: str

    def __str__(self) -> str:
        return f"{self.variable} ({self.purpose}) {self.wrong}"


class ConfigError(Exception):
    """The environment cannot be used; ``problems`` says why: for each variable the first, in the order of VARIABLES."""

    def __init__(self, problems: list[Problem]) -> None:
        first = {problem.variable: problem for problem in reversed(problems)}
        names = [one.variable for one in VARIABLES] + list(first)
        self.problems = sorted(first.values(), key=lambda problem: names.index(problem.variable))
        super().__init__("; ".join(map(str, self.problems)))


@dataclass(frozen=True)
class Variable:
    """An environment variable, such as MASTER_DB_HOST: the field ``name`` of the group ``group`` gets its value."""

    variable: str
    group: str
    name: str
    purpose: str
    default: str | None  # None: it is required

    def problem(self, wrong: str) -> Problem:
        """The problem that this variable has, such as "is not set"."""
        return Problem(self.variable, self.purpose, wrong)


GROUPS: dict[str, type[Group]] = {group: field.annotation for group, field in Config.model_fields.items()}  # type: ignore[misc]
VARIABLES = [
    Variable(
        f"{group}_{name}".upper(),
        group,
        name,
        field.description or "",
        default=None if field.is_required() else str(field.default),
    )
    for group, settings in GROUPS.items()
    for name, field in settings.model_fields.items()
]


# region config.env
def read(environ: Mapping[str, str]) -> dict[str, dict[str, str]]:
    """Return the settings as text, by group: MASTER_DB_HOST is ``["master_db"]["host"]``; what is not set is absent."""
    #: only the solution
    settings: dict[str, dict[str, str]] = {group: {} for group in GROUPS}
    for one in VARIABLES:
        if one.variable in environ:
            settings[one.group][one.name] = environ[one.variable]
    return settings
    #: only the starter
    #| # These have been right since we moved to the new servers.
    #| database = {
    #|     "port": "3306",
    #|     "name": "workshop",
    #|     "user": "colleague",
    #|     "password": "tea4Two!Kyoto19",
    #|     "sql_mode": "STRICT_ALL_TABLES",
    #| }
    #| return {
    #|     "master_db": {"host": "master-db", **database},
    #|     "replica_db": {"host": "replica-db", **database},
    #|     "redis": {"host": "redis", "port": "6379", "user": "colleague", "password": "tea4Two!Kyoto19"},
    #|     "http": {"port": "8080"},
    #|     "health": {"critical": "master-db,redis"},
    #|     "log": {"level": "info"},
    #| }
    #: both


# endregion config.env


# region config.report
def missing(settings: Mapping[str, Mapping[str, str]]) -> list[Problem]:
    """Return a problem for each variable that is required and has no value in ``settings``."""
    #: only the solution
    return [
        one.problem("is not set") for one in VARIABLES if one.default is None and one.name not in settings[one.group]
    ]
    #: only the starter
    #| for one in VARIABLES:
    #|     if one.default is None and one.name not in settings[one.group]:
    #|         # Without it we cannot start, so there is no need to look any further.
    #|         raise ConfigError([one.problem("is not set")])
    #| return []
    #: both


# endregion config.report


# region config.file
def from_file(variable: str, environ: Mapping[str, str]) -> str:
    """Return the setting from the file that a variable such as ``MASTER_DB_PASSWORD_FILE`` names.

    Raises ValueError with what is wrong, to be read behind the variable's name: "is set twice".
    """
    path = environ[f"{variable}_FILE"]
    #: only the solution
    if variable in environ:
        raise ValueError(f"is set twice, also as {variable}_FILE: keep one of the two")
    try:
        text = Path(path).read_text(encoding="utf-8") if Path(path).is_file() else ""  # a pipe would be waited for
    except (OSError, ValueError):
        text = ""
    if not text:
        raise ValueError(f"cannot be read from the file that {variable}_FILE names")
    return text.removesuffix("\n").removesuffix("\r")  # an editor's last line end is no part of the secret
    #: only the starter
    #| # The file wins, whatever else is set.
    #| return Path(path).read_text(encoding="utf-8")
    #: both


# endregion config.file


def load(environ: Mapping[str, str]) -> Config:
    """Turn an environment into a ``Config``, or raise one ``ConfigError`` with everything that is wrong with it."""
    problems = _misspelled(environ)
    settings: dict[str, dict[str, str]] = {group: {} for group in GROUPS} | read(environ)
    for one in VARIABLES:
        if f"{one.variable}_FILE" in environ:
            try:
                settings[one.group][one.name] = from_file(one.variable, environ)
            except ValueError as error:
                problems.append(one.problem(str(error)))
        elif one.variable in environ and one.name not in settings[one.group]:
            problems.append(one.problem("is set, but was not read"))
    problems += missing(settings)
    config = None
    try:
        config = Config.model_validate(settings)
    except ValidationError as error:
        problems += _refused(error)
    # Raise outside of `except`: pydantic's error holds the values, and would be printed as the context of this one.
    if config is None or problems:
        raise ConfigError(problems)
    return config


def _refused(error: ValidationError) -> Iterator[Problem]:
    """Yield a problem for each value that pydantic refuses; ``missing`` reports what is not set."""
    for detail in error.errors(include_url=False, include_context=False):
        one = next(one for one in VARIABLES if (one.group, one.name) == detail["loc"])
        message = re.sub("^(Value error, |Input |String )", "", detail["msg"])
        if detail["type"] != "missing":
            yield one.problem(what_is_wrong(detail["input"], message))


def _misspelled(environ: Mapping[str, str]) -> list[Problem]:
    """Detect names that are nearly those of our variables; platforms inject others, with digits in them."""
    known = {name: one for one in VARIABLES for name in (one.variable, f"{one.variable}_FILE")}
    found = []
    for name in environ:
        foreign = name.startswith("HTTPS_") or any(map(str.isdigit, name))
        if name not in known and not foreign:
            for meant in difflib.get_close_matches(name.upper(), known, n=1, cutoff=0.87):
                found.append(Problem(name, known[meant].purpose, f"is not a setting: did you mean {meant}?"))
    return found
