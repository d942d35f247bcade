"""Configuration: what the service must be told, read from the environment, once, and here alone.

Public names (a module that takes this one's place offers the same):

- ``load(environ) -> Config``: the settings found in a mapping such as ``os.environ``; raises ``ConfigError``.
- ``Config``: frozen; ``.master_db``, ``.redis``, ``.http``, ``.log``, each with its settings.
- ``ConfigError``: ``.problems`` is a list of ``Problem(variable, purpose, wrong)``, one for each variable.

The variable of ``config.master_db.host`` is ``MASTER_DB_HOST``. A secret may instead stand in a file that
``MASTER_DB_PASSWORD_FILE`` names. Problems never carry a value: any of them could be a secret in the wrong place.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, EnvSettingsSource, SettingsConfigDict

SECRET_FILE_LIMIT_BYTES = 64 * 1024

# What MariaDB 11.8 knows. A mode it does not know would fail every query, long after the start.
SQL_MODES = """
    ALLOW_INVALID_DATES ANSI ANSI_QUOTES EMPTY_STRING_IS_NULL ERROR_FOR_DIVISION_BY_ZERO HIGH_NOT_PRECEDENCE
    IGNORE_BAD_TABLE_OPTIONS IGNORE_SPACE NO_AUTO_CREATE_USER NO_AUTO_VALUE_ON_ZERO NO_BACKSLASH_ESCAPES
    NO_DIR_IN_CREATE NO_ENGINE_SUBSTITUTION NO_UNSIGNED_SUBTRACTION NO_ZERO_DATE NO_ZERO_IN_DATE ONLY_FULL_GROUP_BY
    PAD_CHAR_TO_FULL_LENGTH PIPES_AS_CONCAT REAL_AS_FLOAT SIMULTANEOUS_ASSIGNMENT STRICT_ALL_TABLES
    STRICT_TRANS_TABLES TIME_ROUND_FRACTIONAL TRADITIONAL
"""


def _known_sql_modes(value: str) -> str:
    if not all(mode in SQL_MODES.split() for mode in value.upper().split(",")):
        raise ValueError("is not a comma-separated list of SQL modes that MariaDB knows")
    return value


Port = Annotated[int, Field(ge=1, le=65535)]
SqlMode = Annotated[str, AfterValidator(_known_sql_modes)]


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
        description="how long to serve on after SIGTERM, saying not ready, until traffic has moved",
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
    redis: Redis
    http: Http = Http()
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
    required: bool
    secret: bool

    def read(self, environ: Mapping[str, str]) -> str | None:
        """The variable's text, or ``None`` if it is optional and not set; ``ValueError`` says what is wrong."""
        file_variable = f"{self.name}_FILE"
        if self.secret and file_variable in environ:
            if self.name in environ:
                raise ValueError(f"is set twice, also as {file_variable}: keep one of the two")
            value = _read_secret_file(environ[file_variable], file_variable)
        elif self.name in environ:
            value = environ[self.name]
        elif self.required:
            raise ValueError(f"is not set, nor is {file_variable}" if self.secret else "is not set")
        else:
            return None
        if not value:
            raise ValueError("is set, but empty")
        if not self.secret and any(map(str.isspace, value)):
            raise ValueError("contains white space")
        return value


def variables() -> list[Variable]:
    """Every variable that ``load`` looks at."""
    return [
        Variable(
            name=f"{group_name}_{name}".upper(),
            purpose=field.description or "",
            required=field.is_required(),
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
    if wrong:
        # Not raised inside `except`: pydantic's error would hang on to ours, with the values, secrets among them.
        raise ConfigError([Problem(v.name, v.purpose, wrong[v.name]) for v in ours if v.name in wrong])
    return config


def _parse(values: Mapping[str, str]) -> Config:
    source = EnvSettingsSource(Config)
    source.env_vars = {name.lower(): value for name, value in values.items()}
    # The one source there is: the environment of the process is not looked at behind the caller's back.
    return Config(_build_sources=((source,), {}))  # type: ignore[call-arg]  # mypy sees the fields only


def _in_our_words(kind: str, message: str) -> str:
    words = {
        "int_parsing": "is not a whole number",
        "float_parsing": "is not a number",
        "literal_error": "is not one of debug, info, warning, error",
    }
    # pydantic says "Input should be …" and "Value error, …": neither repeats the value.
    return words.get(kind) or message.removeprefix("Value error, ").replace("Input should", "should", 1)


def _read_secret_file(path: str, file_variable: str) -> str:
    try:
        with Path(path).open("rb") as file:
            content = file.read(SECRET_FILE_LIMIT_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "not a path"
        raise ValueError(f"cannot be read from the file that {file_variable} names: {reason}") from None
    if len(content) > SECRET_FILE_LIMIT_BYTES:
        raise ValueError(f"is larger than {SECRET_FILE_LIMIT_BYTES} bytes in the file that {file_variable} names")
    try:
        text = content.decode()
    except UnicodeDecodeError:
        raise ValueError(f"is not UTF-8 text in the file that {file_variable} names") from None
    # Editors and `echo` end a file with a line end; it is no part of the secret.
    return text.removesuffix("\n").removesuffix("\r")
