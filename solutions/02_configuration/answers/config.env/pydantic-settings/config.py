from pydantic_settings import BaseSettings


class EnvironmentSettings(BaseSettings):
    """The same settings, read by pydantic-settings."""

    host: str
    port: int
    name: str
    user: str
    password: SecretStr
    sql_mode: str


def read_database(group: str) -> DatabaseSettings:
    """Return the settings of a group such as MASTER_DB: its host is the variable MASTER_DB_HOST."""
    return EnvironmentSettings(_env_prefix=f"{group}_")
