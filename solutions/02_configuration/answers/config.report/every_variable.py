class Settings(Options):
    # …

    def __init__(self) -> None:
        # Checked together: what is wrong in one group hides nothing in another.
        super().__init__(
            master_db=read_group("MASTER_DB"),
            replica_db=read_group("REPLICA_DB"),
            redis=read_group("REDIS"),
        )


def problems(error: ValidationError) -> list[str]:
    """Return a sentence for each variable that is wrong."""
    names = [f"MASTER_DB_{name.upper()}" for name in DatabaseSettings.model_fields]
    names += [f"REPLICA_DB_{name.upper()}" for name in DatabaseSettings.model_fields]
    names += [f"REDIS_{name.upper()}" for name in RedisSettings.model_fields]
    return [f"{name}: please check it" for name in [*names, "HTTP_PORT"]]
