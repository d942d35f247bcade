"""Configuration: what the service must be told, read from the environment, once, and here alone.

Public names (a module that takes this one's place offers the same):

- ``load(environ) -> Config``: the settings found in a mapping such as ``os.environ``; raises ``ConfigError``.
- ``Config``: frozen; ``.master_db``, ``.replica_db``, ``.redis``, ``.http``, ``.health``, ``.log``, and all in them.
- ``ConfigError``: ``.problems`` is a list of ``Problem(variable, purpose, wrong)``, one for each variable.

The variable of ``config.master_db.host`` is ``MASTER_DB_HOST``. A secret may instead stand in a file that
``MASTER_DB_PASSWORD_FILE`` names. Variables that are not ours are no concern of ours, unless one is spelled nearly
like one of ours. Problems never carry a value: any of them could be a secret in the wrong place.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal, get_args

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, EnvSettingsSource, SettingsConfigDict

from workshop_app import secret_file, spelling

# What MariaDB 11.8 knows. A mode it does not know would fail every query, long after the start.
SQL_MODES = """
    ALLOW_INVALID_DATES ANSI ANSI_QUOTES EMPTY_STRING_IS_NULL ERROR_FOR_DIVISION_BY_ZERO HIGH_NOT_PRECEDENCE
    IGNORE_BAD_TABLE_OPTIONS IGNORE_SPACE NO_AUTO_CREATE_USER NO_AUTO_VALUE_ON_ZERO NO_BACKSLASH_ESCAPES
    NO_DIR_IN_CREATE NO_ENGINE_SUBSTITUTION NO_UNSIGNED_SUBTRACTION NO_ZERO_DATE NO_ZERO_IN_DATE ONLY_FULL_GROUP_BY
    PAD_CHAR_TO_FULL_LENGTH PIPES_AS_CONCAT REAL_AS_FLOAT SIMULTANEOUS_ASSIGNMENT STRICT_ALL_TABLES
    STRICT_TRANS_TABLES TIME_ROUND_FRACTIONAL TRADITIONAL
"""

DEPENDENCIES = ("master-db", "replica-db", "redis")  # as the service calls them in its log and in /health
NONE = "none"  # an empty list has to be asked for by name: empty is mostly a variable that somebody forgot to fill


def _port(value: str | int) -> int:
    text = str(value)
    if not (text.isascii() and text.isdigit()):
        raise ValueError("is not a whole number")
    if len(text) > 5 or not 1 <= int(text) <= 65535:
        raise ValueError("is not a port: ports go from 1 to 65535")
    return int(text)


def _switch(value: str | bool) -> bool:
    if isinstance(value, bool):
        return value
    if value not in ("true", "false"):
        raise ValueError("is not one of true, false")
    return value == "true"


def _known_sql_modes(value: str) -> str:
    if not all(mode in SQL_MODES.split() for mode in value.upper().split(",")):
        raise ValueError("is not a comma-separated list of SQL modes that MariaDB knows")
    return value


def _known_dependencies(value: str) -> str:
    if value != NONE and not all(name in DEPENDENCIES for name in value.split(",")):
        raise ValueError(f"is neither {NONE} nor a comma-separated list of {', '.join(DEPENDENCIES)}")
    return value


@dataclass(frozen=True)
class Kind:
    """What a person calls the type of a setting."""

    name: str


Port = Annotated[int, BeforeValidator(_port), Kind("port")]
Switch = Annotated[bool, BeforeValidator(_switch), Kind("true, false")]
SqlMode = Annotated[str, AfterValidator(_known_sql_modes), Kind("SQL modes")]
Names = Annotated[str, AfterValidator(_known_dependencies), Kind("names, or none")]


class Group(BaseModel):
    """Settings that belong together; they do not change while the service runs."""

    model_config = ConfigDict(frozen=True, hide_input_in_errors=True)


class MasterDb(Group):
    """The database that takes the writes."""

    host: str = Field(description="host name of the master database")
    port: Port = Field(description="port of the master database")
    name: str = Field(description="name of the database that holds the orders")
    user: str = Field(description="user at the master database")
    password: SecretStr = Field(description="password of that user")
    sql_mode: SqlMode = Field(description="SQL mode of every connection, such as TRADITIONAL")


class ReplicaDb(Group):
    """The database that follows the master, and answers what is only read."""

    host: str = Field(description="host name of the replica database")
    port: Port = Field(description="port of the replica database")
    name: str = Field(description="name of the database that holds the orders, there")
    user: str = Field(description="user at the replica database")
    password: SecretStr = Field(description="password of that user, there")
    sql_mode: SqlMode = Field(description="SQL mode of every connection to the replica")


class Redis(Group):
    """The cache."""

    host: str = Field(description="host name of Redis")
    port: Port = Field(description="port of Redis")
    user: str = Field(default="default", description="user at Redis")
    password: SecretStr = Field(description="password of that user")


class Http(Group):
    """Where the service listens, and how it stops."""

    host: str = Field(default="0.0.0.0", description="address to listen on")  # noqa: S104  # a container's own network
    port: Port = Field(default=8080, description="port to listen on")
    drain_seconds: float = Field(
        default=1.0,
        ge=0,
        le=5,
        allow_inf_nan=False,
        description="how long to serve on after SIGTERM, saying not ready, until traffic has moved",
    )
    admin: Switch = Field(default=False, description="offer /admin/log-level, to whoever can reach the port")
    faults: Switch = Field(default=False, description="offer /admin/faults, to whoever can reach the port")


class Health(Group):
    """What being healthy takes."""

    critical: Names = Field(
        default="master-db,redis", description="dependencies it is not ready without; none if it can do without each"
    )


class Log(Group):
    """What is worth a line."""

    level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="least level that is logged"
    )


class Config(BaseSettings):
    """All settings, by group."""

    # A name splits once, behind its group: MASTER_DB_SQL_MODE is sql_mode of master_db.
    model_config = SettingsConfigDict(
        frozen=True, env_nested_delimiter="_", env_nested_max_split=1, hide_input_in_errors=True
    )

    master_db: MasterDb
    replica_db: ReplicaDb
    redis: Redis
    http: Http = Http()
    health: Health = Health()
    log: Log = Log()


@dataclass(frozen=True)
class Problem:
    """One variable that cannot be used, said without its value: ``REDIS_PORT … is not a whole number``."""

    variable: str
    purpose: str
    wrong: str

    def __str__(self) -> str:
        return f"{self.variable} ({self.purpose}) {self.wrong}"


class ConfigError(Exception):
    """The environment cannot be used; ``problems`` has all that is wrong with it, not just the first."""

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__("; ".join(map(str, problems)))
        self.problems = problems


@dataclass(frozen=True)
class Variable:
    """An environment variable of ours, derived from the field it fills."""

    name: str
    purpose: str
    kind: str
    default: str | None  # None: the variable is required
    secret: bool

    @property
    def required(self) -> bool:
        """Must it be given?"""
        return self.default is None

    @property
    def file_name(self) -> str:
        """The variable that may name a file instead; only a secret's is looked at."""
        return f"{self.name}_FILE"

    def source(self, environ: Mapping[str, str]) -> str:
        """Where its value comes from: ``environment``, ``file``, ``default``, or ``nowhere``."""
        if self.name in environ:
            return "environment"
        if self.secret and self.file_name in environ:
            return "file"
        return "nowhere" if self.required else "default"

    def read(self, environ: Mapping[str, str]) -> str | None:
        """The variable's text, or ``None`` if it is optional and not set; ``ValueError`` says what is wrong."""
        source = self.source(environ)
        if source == "nowhere":
            raise ValueError(f"is not set, nor is {self.file_name}" if self.secret else "is not set")
        if source == "default":
            return None
        if self.secret and self.name in environ and self.file_name in environ:
            raise ValueError(f"is set twice, also as {self.file_name}: keep one of the two")
        return self._from_file(environ[self.file_name]) if source == "file" else self._checked(environ[self.name])

    def _from_file(self, path: str) -> str:
        try:
            return self._checked(secret_file.read(path))
        except ValueError as error:
            raise ValueError(f"cannot be had from a file: {self.file_name} {error}") from None

    def _checked(self, value: str) -> str:
        if not value:
            raise ValueError("is set, but empty")
        if value.isspace():
            raise ValueError("is nothing but white space")
        if not self.secret and any(map(str.isspace, value)):
            raise ValueError("contains white space")
        return value


def variables() -> list[Variable]:
    """Every variable that ``load`` looks at."""
    return [
        Variable(
            name=f"{group_name}_{name}".upper(),
            purpose=field.description or "",
            kind=_kind(field.annotation, field.metadata),
            default=None if field.is_required() else _as_given(field.default),
            secret=field.annotation is SecretStr,
        )
        for group_name, group in Config.model_fields.items()
        if isinstance(group.annotation, type) and issubclass(group.annotation, Group)
        for name, field in group.annotation.model_fields.items()
    ]


def load(environ: Mapping[str, str]) -> Config:
    """Turn an environment into a ``Config``, or raise one ``ConfigError`` with everything that is wrong with it."""
    values: dict[str, str] = {}
    wrong: dict[str, str] = {}
    ours = variables()
    for variable in ours:
        try:
            value = variable.read(environ)
        except ValueError as error:
            wrong[variable.name] = str(error)
        else:
            if value is not None:
                values[variable.name] = value
    try:
        config = _parse(values)
    except ValidationError as error:
        for detail in error.errors(include_input=False, include_context=False, include_url=False):
            wrong.setdefault("_".join(map(str, detail["loc"])).upper(), _in_our_words(detail["type"], detail["msg"]))
    found = [Problem(v.name, v.purpose, wrong[v.name]) for v in ours if v.name in wrong]
    # Not raised inside `except`: pydantic's error would hang on to ours, with the values, secrets among them.
    if found := [*found, *_misspelled(environ, ours)]:
        raise ConfigError(found)
    return config


def _misspelled(environ: Mapping[str, str], ours: list[Variable]) -> Iterator[Problem]:
    """Names that nobody but somebody with one of our variables in mind would use."""
    names = {one.name: one for one in ours} | {one.file_name: one for one in ours if one.secret}
    for name in environ:
        if name in names:
            continue
        if name.removesuffix("_FILE") in names:
            meant = name.removesuffix("_FILE")
            yield Problem(name, names[meant].purpose, f"is not read, only secrets come from files: set {meant}")
        elif meant := spelling.nearly(name, names) or "":
            yield Problem(name, names[meant].purpose, f"is not a setting: did you mean {meant}?")


def _parse(values: Mapping[str, str]) -> Config:
    source = EnvSettingsSource(Config)
    source.env_vars = {name.lower(): value for name, value in values.items()}
    # The one source there is: the environment of the process is not looked at behind the caller's back.
    return Config(_build_sources=((source,), {}))  # type: ignore[call-arg]  # mypy sees the fields only


def _in_our_words(kind: str, message: str) -> str:
    words = {
        "float_parsing": "is not a number",
        "finite_number": "is not a number",
        "literal_error": "is not one of debug, info, warning, error",
    }
    # pydantic says "Input should be …" and "Value error, …": neither repeats the value.
    return words.get(kind) or message.removeprefix("Value error, ").replace("Input should", "should", 1)


def _as_given(default: Any) -> str:
    return str(default).lower() if isinstance(default, bool) else str(default)


def _kind(annotation: Any, metadata: list[Any]) -> str:
    named = next((note.name for note in metadata if isinstance(note, Kind)), None)
    return named or ", ".join(get_args(annotation)) or {SecretStr: "secret", float: "number"}.get(annotation, "text")
