def group(name: str) -> dict[str, str]:
    """Return the settings of a group, such as MASTER_DB: its host is the variable MASTER_DB_HOST."""
    settings = {}
    for variable, value in os.environ.items():
        if variable.startswith(f"{name}_"):
            settings[variable.removeprefix(f"{name}_").lower()] = value
    return settings


class Settings(Options):
    # …

    def __init__(self) -> None:
        super().__init__(**{name: read_group(name.upper()) for name in ("master_db", "replica_db", "redis")})


def problems(error: ValidationError) -> list[str]:
    """Return a sentence for each variable that is wrong."""
    found: dict[str, str] = {}
    for detail in error.errors(include_url=False):
        path = [str(part).upper() for part in detail["loc"]]
        found["_".join(path)] = what_is_wrong(detail)
    return [f"{variable}: {words}" for variable, words in found.items()]
