"""Every setting of the service: read from the environment once, at the start."""

#: until 02:3
#| import os
#| from dataclasses import dataclass
#|
#| from pydantic import SecretStr
#|
#|
#| @dataclass
#| class DatabaseSettings:
#|     """A MariaDB server."""
#|
#|     host: str
#|     port: int
#|     name: str
#|     user: str
#|     password: SecretStr  # it prints as stars
#|     sql_mode: str
#|
#|
#: from 02:2 until 02:3
#| @dataclass
#| class RedisSettings:
#|     """The cache."""
#|
#|     host: str
#|     port: int
#|     user: str
#|     password: SecretStr
#|
#|
#: until 02:3
#| # region config.env
#| def read_database(group: str) -> DatabaseSettings:
#|     """Return the settings of a group such as MASTER_DB: its host is the variable MASTER_DB_HOST."""
#|     #: only the solution
#|     return DatabaseSettings(
#|         host=os.environ[f"{group}_HOST"],
#|         port=int(os.environ[f"{group}_PORT"]),
#|         name=os.environ[f"{group}_NAME"],
#|         user=os.environ[f"{group}_USER"],
#|         password=SecretStr(os.environ[f"{group}_PASSWORD"]),
#|         sql_mode=os.environ[f"{group}_SQL_MODE"],
#|     )
#|     #: only the starter
#|     #| # These have been right since we moved to the new servers.
#|     #| return DatabaseSettings(
#|     #|     host="master-db",
#|     #|     port=3306,
#|     #|     name="orders",
#|     #|     user="colleague",
#|     #|     password=SecretStr("tea4Two!Kyoto19"),
#|     #|     sql_mode="STRICT_ALL_TABLES",
#|     #| )
#|     #: both
#|
#|
#| # endregion config.env
#|
#|
#: from 02:2 until 02:3
#| def read_redis(group: str) -> RedisSettings:
#|     """Return the settings of the cache."""
#|     return RedisSettings(
#|         host=os.environ[f"{group}_HOST"],
#|         port=int(os.environ[f"{group}_PORT"]),
#|         user=os.environ[f"{group}_USER"],
#|         password=SecretStr(os.environ[f"{group}_PASSWORD"]),
#|     )
#|
#|
#: until 02:3
#| class Settings:
#|     """All settings."""
#|
#|     def __init__(self) -> None:
#|         self.master_db = read_database("MASTER_DB")
#: from 02:2 until 02:3
#|         self.replica_db = read_database("REPLICA_DB")
#|         self.redis = read_redis("REDIS")
#: until 02:3
#|         self.http_port = int(os.environ.get("HTTP_PORT", "8080"))
#: from 02:4
import difflib
import os
#: from 02:3
from pathlib import Path
#: from 02:3 until 03
#| from typing import Annotated, Any
#: from 03
from typing import Annotated, Any, Literal
#: from 02:3

#: from 02:3 until 02:4
#| from pydantic import BaseModel, Field, SecretStr, model_validator
#: from 02:4
from pydantic import BaseModel, Field, SecretStr, ValidationError, model_validator
from pydantic_core import ErrorDetails
#: from 02:3
from pydantic_settings import BaseSettings

#: from 04
DEPENDENCIES = "^(none|((master-db|replica-db|redis)(,|$))+)$"
#: from 02:3
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
        #: only the solution
        if "password" in group:
            raise ValueError("PASSWORD and PASSWORD_FILE are both set: keep one of the two")
        try:
            text = Path(group["password_file"]).read_text(encoding="utf-8")
        except (OSError, UnicodeError):
            raise ValueError("the file that PASSWORD_FILE names cannot be read") from None
        return group | {"password": text.removesuffix("\n")}  # an editor's last line end is no part of it
        #: only the starter
        #| # The file wins, whatever else is set.
        #| return group | {"password": Path(group["password_file"]).read_text(encoding="utf-8")}
        #: both

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
    #: from 03
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    #: from 04
    health_critical: str = Field(default="master-db,redis", pattern=DEPENDENCIES)
    #: from 04b
    http_drain_seconds: float = Field(default=1.0, ge=0, le=5)
    #: from 02:4


# region config.report
#: only the solution
class Settings(Options, env_nested_delimiter="_", env_nested_max_split=1):
    """All settings: master_db.host is the variable MASTER_DB_HOST."""

    master_db: DatabaseSettings = EMPTY
    replica_db: DatabaseSettings = EMPTY
    redis: RedisSettings = EMPTY


#: only the starter
#| def group(name: str) -> dict[str, str]:
#|     """Return the settings of a group, such as MASTER_DB: its host is the variable MASTER_DB_HOST."""
#|     settings = {}
#|     for variable, value in os.environ.items():
#|         if variable.startswith(f"{name}_"):
#|             settings[variable.removeprefix(f"{name}_").lower()] = value
#|     return settings
#|
#|
#| class Settings(Options):
#|     """All settings: master_db.host is the variable MASTER_DB_HOST."""
#|
#|     master_db: DatabaseSettings
#|     replica_db: DatabaseSettings
#|     redis: RedisSettings
#|
#|     def __init__(self) -> None:
#|         # One group after the other: without the first one we cannot start anyway.
#|         master_db = DatabaseSettings(**group("MASTER_DB"))
#|         replica_db = DatabaseSettings(**group("REPLICA_DB"))
#|         redis = RedisSettings(**group("REDIS"))
#|         super().__init__(master_db=master_db, replica_db=replica_db, redis=redis)
#|
#|
#: both
def problems(error: ValidationError) -> list[str]:
    """Return a sentence for each variable that is wrong."""
    #: only the solution
    sentences = []
    for detail in error.errors():
        variable = "_".join(map(str, detail["loc"])).upper()
        sentences.append(f"{variable}: {what_is_wrong(detail)}")
    return sentences
    #: only the starter
    #| return [f"{detail['loc'][-1]}: {what_is_wrong(detail)}" for detail in error.errors()]
    #: both


# endregion config.report


# region config.redact
def what_is_wrong(detail: ErrorDetails) -> str:
    """Say what is wrong with a setting, for the log."""
    #: only the solution
    return detail["msg"]  # without detail["input"], which may be a password
    #: only the starter
    #| if detail["type"] == "missing":
    #|     return detail["msg"]
    #| # The person who mends it should see the value.
    #| return f"{detail['input']}: {detail['msg']}"
    #: both


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
