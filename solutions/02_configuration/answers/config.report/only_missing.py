class Settings(Options, env_nested_delimiter="_", env_nested_max_split=1):
    """All settings: master_db.host is the variable MASTER_DB_HOST."""

    master_db: DatabaseSettings
    replica_db: DatabaseSettings
    redis: RedisSettings

    def __init__(self) -> None:
        super().__init__()


def problems(error: ValidationError) -> list[str]:
    """Return a sentence for each variable that is wrong."""
    kinds = {"MASTER_DB": DatabaseSettings, "REPLICA_DB": DatabaseSettings, "REDIS": RedisSettings}
    sentences = []
    for group, kind in kinds.items():
        for name, field in kind.model_fields.items():
            variable = f"{group}_{name.upper()}"
            is_set = variable in os.environ or f"{variable}_FILE" in os.environ
            if field.is_required() and not is_set:
                sentences.append(f"{variable}: is not set")
    for name in Options.model_fields:
        if not os.environ.get(name.upper(), "8080").isdigit():
            sentences.append(f"{name.upper()}: is no number")
    return sentences
