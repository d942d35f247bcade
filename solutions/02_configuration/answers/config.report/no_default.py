class Settings(Options, env_nested_delimiter="_", env_nested_max_split=1):
    """All settings: master_db.host is the variable MASTER_DB_HOST."""

    master_db: DatabaseSettings
    replica_db: DatabaseSettings
    redis: RedisSettings

    def __init__(self) -> None:
        super().__init__()


def problems(error: ValidationError) -> list[str]:
    """Return a sentence for each variable that is wrong."""
    return ["_".join(map(str, detail["loc"])).upper() + ": " + what_is_wrong(detail) for detail in error.errors()]
