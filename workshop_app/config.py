# Made by `./workshop build` from the lessons and the solutions of their exercises: edit those.
"""Every setting of the service: read from the environment once, at the start."""

import difflib
import os
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, Field, SecretStr, ValidationError, model_validator
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings

Text = Annotated[str, Field(pattern=r"^\S+$")]
Port = Annotated[int, Field(ge=1, le=65535)]
DEPENDENCIES = "^(none|((master-db|replica-db|redis)(,|$))+)$"


class Server(BaseModel):
    """Where a server is, and its password, which may be in the file that PASSWORD_FILE names."""

    host: Text
    port: Port
    password: SecretStr = Field(min_length=1)

    @model_validator(mode="before")
    @classmethod
    def read_password(cls, group: dict[str, str]) -> dict[str, str]:
        """Take the password from the file that PASSWORD_FILE names. Raises ValueError with what is wrong."""
        if "password_file" not in group:
            return group
        if "password" in group:
            raise ValueError("PASSWORD and PASSWORD_FILE are both set: keep one of the two")
        try:
            text = Path(group["password_file"]).read_text(encoding="utf-8")
        except (OSError, UnicodeError):
            raise ValueError("the file that PASSWORD_FILE names cannot be read") from None
        return group | {"password": text.removesuffix("\n")}  # an editor's last line end is no part of it


class DatabaseSettings(Server):
    """A MariaDB server."""

    name: Text
    user: Text
    sql_mode: Text


class RedisSettings(Server):
    """The cache."""

    user: Text = "default"


class Options(BaseSettings):
    """The settings that have a default."""

    http_port: Port = 8080
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    health_critical: str = Field(default="master-db,redis", pattern=DEPENDENCIES)
    http_drain_seconds: float = Field(default=1.0, ge=0, le=5)


def read_group(group: str) -> dict[str, str]:
    """Return the variables of a group by their names: "host" is MASTER_DB_HOST in the group MASTER_DB."""
    settings = {}
    for variable, value in os.environ.items():
        if variable.startswith(f"{group}_"):
            name = variable.removeprefix(f"{group}_").lower()
            settings[name] = value
    return settings


class Settings(Options):
    """All settings: master_db.host is the variable MASTER_DB_HOST."""

    master_db: DatabaseSettings
    replica_db: DatabaseSettings
    redis: RedisSettings

    def __init__(self) -> None:
        # Checked together: what is wrong in one group hides nothing in another.
        super().__init__(
            master_db=read_group("MASTER_DB"),
            replica_db=read_group("REPLICA_DB"),
            redis=read_group("REDIS"),
        )


def problems(error: ValidationError) -> list[str]:
    """Return a sentence for each variable that is wrong."""
    sentences = []
    for detail in error.errors():
        variable = "_".join(map(str, detail["loc"])).upper()
        sentences.append(f"{variable}: {what_is_wrong(detail)}")
    return sentences


def what_is_wrong(detail: ErrorDetails) -> str:
    """Say what is wrong with a setting, for the log."""
    return detail["msg"]  # without detail["input"], which may be a password


def misspelled() -> list[str]:
    """Return a sentence for each variable whose name is nearly that of a setting."""
    names = list(Options.model_fields)
    for group in ("master_db", "replica_db", "redis"):
        names += [f"{group}_{name}" for name in DatabaseSettings.model_fields]

    sentences = []
    for variable in os.environ:
        name = variable.removesuffix("_FILE").lower()
        similar = difflib.get_close_matches(name, names, n=1, cutoff=0.87)
        if similar and name not in names:
            sentences.append(f"{variable}: there is no such setting, did you mean {similar[0].upper()}?")
    return sentences
