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
    names = ("MASTER_DB_NAME", "REPLICA_DB_HOST", "REPLICA_DB_PASSWORD", "REDIS_HOST", "REDIS_PASSWORD", "REDIS_PORT")
    return [*(f"{name}: Field required" for name in names), "HTTP_PORT: Input should be a valid integer"]
