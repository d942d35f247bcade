"""Configuration: every setting of the service, read from the environment once, here and nowhere else.

The rest of the service uses these names:

- ``load(environ) -> Config``: the settings found in a mapping such as ``os.environ``; raises ``ConfigError``.
- ``Config``: frozen; ``.master_db``, ``.replica_db``, ``.redis``, ``.http``, ``.health``, ``.log``, and all in them.
- ``ConfigError``: ``.problems`` is a list of ``Problem(variable, purpose, wrong)``, one for each variable.
- ``VARIABLES``: the environment variables, each with its purpose and its default.

The variable of ``config.master_db.host`` is ``MASTER_DB_HOST``. A secret may stand in a file instead, which
``MASTER_DB_PASSWORD_FILE`` names.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, ValidationError

DEPENDENCIES = ("master-db", "replica-db", "redis")  # as the service calls them in its log and in /health


# region config.redact
#: only the solution
class Secret(SecretStr):
    """A password. Whoever needs the text asks for it; printed, it is stars."""


def what_is_wrong(value: str, problem: str) -> str:
    """Say what is wrong with a value, for the log: any value could be a secret in the wrong place, so none is told."""
    return problem if value else "is set, but empty"


#: only the starter
#| @dataclass(frozen=True)
#| class Secret:
#|     """A password. Whoever needs the text asks for it."""
#|
#|     text: str
#|
#|     def get_secret_value(self) -> str:
#|         """The text."""
#|         return self.text
#|
#|
#| def what_is_wrong(value: str, problem: str) -> str:
#|     """Say what is wrong with a value, for the log: whoever has to mend it should see it."""
#|     return f"is {value!r}: {problem}"
#|
#|
#: both
# endregion config.redact


def _no_space(value: str) -> str:
    if any(map(str.isspace, value)):
        raise ValueError("contains white space")
    return value


def _dependencies(value: str) -> str:
    if value != "none" and not set(value.split(",")) <= set(DEPENDENCIES):
        raise ValueError(f"is neither none nor a comma-separated list of {', '.join(DEPENDENCIES)}")
    return value


Text = Annotated[str, AfterValidator(_no_space)]
Port = Annotated[int, Field(ge=1, le=65535)]
SqlMode = Annotated[str, Field(pattern=r"^[A-Za-z_]+(,[A-Za-z_]+)*$")]
Names = Annotated[Text, AfterValidator(_dependencies)]
Password = Annotated[Secret, BeforeValidator(Secret)]


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
    admin: bool = Field(default=False, description="offer /admin/log-level, to whoever can reach the port")
    faults: bool = Field(default=False, description="offer /admin/faults, to whoever can reach the port")


class Health(Group):
    """What being healthy takes."""

    critical: Names = Field(default="master-db,redis", description="dependencies it is not ready without, or none")


class Log(Group):
    """What is worth a line."""

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
class Variable:
    """An environment variable, such as MASTER_DB_HOST: the field ``name`` of the group ``group`` gets its value."""

    variable: str
    group: str
    name: str
    purpose: str
    secret: bool
    default: str | None  # None: it is required

    def is_set(self, environ: Mapping[str, str]) -> bool:
        """Whether it is there, itself or, for a secret, as a file."""
        return self.variable in environ or (self.secret and f"{self.variable}_FILE" in environ)


GROUPS: dict[str, type[Group]] = {group: field.annotation for group, field in Config.model_fields.items()}  # type: ignore[misc]
VARIABLES = [
    Variable(
        f"{group}_{name}".upper(),
        group,
        name,
        field.description or "",
        secret=field.annotation is Secret,
        default=None if field.is_required() else str(field.default),
    )
    for group, settings in GROUPS.items()
    for name, field in settings.model_fields.items()
]


@dataclass(frozen=True)
class Problem:
    """One variable that cannot be used."""

    variable: str
    purpose: str
    wrong: str

    def __str__(self) -> str:
        return f"{self.variable} ({self.purpose}) {self.wrong}"


class ConfigError(Exception):
    """The environment cannot be used; ``problems`` says why, one ``Problem`` for each variable: the first it had."""

    def __init__(self, problems: list[Problem]) -> None:
        first = {one.variable: one for one in reversed(problems)}
        names = [one.variable for one in VARIABLES]
        self.problems = sorted(first.values(), key=lambda one: (*names, one.variable).index(one.variable))
        super().__init__("; ".join(map(str, self.problems)))


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
    #|     "user": "orders",
    #|     "password": "Summer2019!",
    #|     "sql_mode": "STRICT_ALL_TABLES",
    #| }
    #| return {
    #|     "master_db": {"host": "master-db", **database},
    #|     "replica_db": {"host": "replica-db", **database},
    #|     "redis": {"host": "redis", "port": "6379", "password": "Summer2019!"},
    #|     "http": {"port": "8080"},
    #|     "log": {"level": "info"},
    #| }
    #: both


# endregion config.env


# region config.report
def missing(environ: Mapping[str, str]) -> list[Problem]:
    """Return a problem for each variable that is required and not set."""
    #: only the solution
    return [
        Problem(one.variable, one.purpose, "is not set")
        for one in VARIABLES
        if one.default is None and not one.is_set(environ)
    ]
    #: only the starter
    #| for one in VARIABLES:
    #|     if one.default is None and not one.is_set(environ):
    #|         # Without it we cannot start, so there is no need to look any further.
    #|         raise ConfigError([Problem(one.variable, one.purpose, "is not set")])
    #| return []
    #: both


# endregion config.report


# region config.file
def from_file(variable: str, environ: Mapping[str, str]) -> str | None:
    """Return the secret from the file that ``MASTER_DB_PASSWORD_FILE`` names; None if that is not set.

    Raises ValueError with what is wrong, to be read behind the variable's name: "is set twice".
    """
    path = environ.get(f"{variable}_FILE")
    if path is None:
        return None
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
    problems = missing(environ)
    found = read(environ)
    settings = {group: dict(found.get(group, {})) for group in GROUPS}
    for one in VARIABLES:
        try:
            secret = from_file(one.variable, environ) if one.secret else None
        except ValueError as error:
            problems.append(Problem(one.variable, one.purpose, str(error)))
        else:
            settings[one.group] |= {} if secret is None else {one.name: secret}
    config = None
    try:
        config = Config.model_validate(settings)
    except ValidationError as error:
        problems += _refused(error, environ)
    problems += _empty(settings) + _misspelled(environ)
    # Not raised inside `except`: pydantic's error would hang on to ours, with the values, secrets among them.
    if config is None or problems:
        raise ConfigError(problems)
    return config


def _refused(error: ValidationError, environ: Mapping[str, str]) -> list[Problem]:
    """Return what pydantic says of the values; what is not set at all is known by now."""
    found = []
    for detail in error.errors(include_url=False, include_context=False):
        one = next(one for one in VARIABLES if (one.group, one.name) == detail["loc"])
        message = detail["msg"].removeprefix("Value error, ").replace("Input should", "should", 1)
        if detail["type"] != "missing":
            found.append(Problem(one.variable, one.purpose, what_is_wrong(detail["input"], message)))
        elif one.is_set(environ):
            found.append(Problem(one.variable, one.purpose, "is set, but was not read"))
    return found


def _empty(settings: Mapping[str, Mapping[str, str]]) -> list[Problem]:
    """An empty value is not a missing one: mostly somebody forgot to fill it in."""
    return [
        Problem(one.variable, one.purpose, "is set, but empty")
        for one in VARIABLES
        if not settings[one.group].get(one.name, "?").strip()
    ]


def _misspelled(environ: Mapping[str, str]) -> list[Problem]:
    """Detect names that are nearly those of our variables; platforms inject others, with digits in them."""
    known = {one.variable: one for one in VARIABLES} | {f"{one.variable}_FILE": one for one in VARIABLES if one.secret}
    found = []
    for name in environ:
        if name in known or name.startswith("HTTPS_") or any(map(str.isdigit, name)):
            continue
        setting = name.removesuffix("_FILE")
        if setting in known:
            wrong = f"is not read, only secrets come from files: set {setting}"
            found.append(Problem(name, known[setting].purpose, wrong))
        elif meant := difflib.get_close_matches(name.upper(), known, n=1, cutoff=0.87):
            found.append(Problem(name, known[meant[0]].purpose, f"is not a setting: did you mean {meant[0]}?"))
    return found
