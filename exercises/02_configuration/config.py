"""Every setting of the service: read from the environment once, at the start."""

import difflib
import os
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, Field, SecretStr, ValidationError, model_validator
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings

EMPTY: Any = {}  # the default of a group: pydantic checks it, and so names every variable that is missing

Text = Annotated[str, Field(pattern=r"^\S+$")]
Port = Annotated[int, Field(ge=1, le=65535)]


class Server(BaseModel):
    """Where a server is, and the password. The password may stand in a file, which PASSWORD_FILE names."""

    host: Text
    port: Port
    password: SecretStr = Field(min_length=1)

    # region config.file
    @model_validator(mode="before")
    @classmethod
    def read_password(cls, group: dict[str, str]) -> dict[str, str]:
        """Take the password from the file that PASSWORD_FILE names. Raises ValueError with what is wrong."""
        if "password_file" not in group:
            return group
        # The file wins, whatever else is set.
        return group | {"password": Path(group["password_file"]).read_text(encoding="utf-8")}

    # endregion config.file


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


# region config.report
def group(name: str) -> dict[str, str]:
    """Return the settings of a group, such as MASTER_DB: its host is the variable MASTER_DB_HOST."""
    settings = {}
    for variable, value in os.environ.items():
        if variable.startswith(f"{name}_"):
            settings[variable.removeprefix(f"{name}_").lower()] = value
    return settings


class Settings(Options):
    """All settings: master_db.host is the variable MASTER_DB_HOST."""

    master_db: DatabaseSettings
    replica_db: DatabaseSettings
    redis: RedisSettings

    def __init__(self) -> None:
        # One group after the other: without the first one we cannot start anyway.
        master_db = DatabaseSettings(**group("MASTER_DB"))
        replica_db = DatabaseSettings(**group("REPLICA_DB"))
        redis = RedisSettings(**group("REDIS"))
        super().__init__(master_db=master_db, replica_db=replica_db, redis=redis)


def problems(error: ValidationError) -> list[str]:
    """Return a sentence for each variable that is wrong."""
    return [f"{detail['loc'][-1]}: {what_is_wrong(detail)}" for detail in error.errors()]


# endregion config.report


# region config.redact
def what_is_wrong(detail: ErrorDetails) -> str:
    """Say what is wrong with a setting, for the log."""
    if detail["type"] == "missing":
        return detail["msg"]
    # The person who mends it should see the value.
    return f"{detail['input']}: {detail['msg']}"


# endregion config.redact


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
