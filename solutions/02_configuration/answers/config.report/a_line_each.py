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
    for detail in error.errors():
        print("_".join(map(str, detail["loc"])).upper(), what_is_wrong(detail))
    return ["see above"]
