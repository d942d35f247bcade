import sys


class Settings:
    """All settings, one group at a time: master_db.host is the variable MASTER_DB_HOST."""

    def __init__(self) -> None:
        sentences = []
        for group, kind in (("MASTER_DB", DatabaseSettings), ("REPLICA_DB", DatabaseSettings), ("REDIS", RedisSettings)):
            own = {}
            for variable, value in os.environ.items():
                if variable.startswith(f"{group}_"):
                    own[variable.removeprefix(f"{group}_").lower()] = value
            try:
                setattr(self, group.lower(), kind(**own))
            except ValidationError as error:
                sentences += [f"{group}_{sentence}" for sentence in problems(error)]

        try:
            self.__dict__.update(Options().model_dump())
        except ValidationError as error:
            sentences += problems(error)
        if sentences:
            sys.exit("configuration refused: " + ", ".join(sentences))


def problems(error: ValidationError) -> list[str]:
    """Return a sentence for each variable that is wrong."""
    sentences = []
    for detail in error.errors():
        variable = "_".join(str(part) for part in detail["loc"])
        sentences.append(f"{variable.upper()}: {what_is_wrong(detail)}")
    return sentences
