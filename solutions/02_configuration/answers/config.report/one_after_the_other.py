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
        checked = {}
        for name, kind in (("MASTER_DB", DatabaseSettings), ("REPLICA_DB", DatabaseSettings), ("REDIS", RedisSettings)):
            try:
                checked[name.lower()] = kind(**read_group(name))
            except ValidationError as error:
                raise ValidationError.from_exception_data(
                    name, [{**detail, "loc": (name.lower(), *detail["loc"])} for detail in error.errors()]
                ) from None
        super().__init__(**checked)


def problems(error: ValidationError) -> list[str]:
    """Return a sentence for each variable that is wrong."""
    return [f"{'_'.join(map(str, detail['loc'])).upper()}: {what_is_wrong(detail)}" for detail in error.errors()]
