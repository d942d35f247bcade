def read_group(group: str) -> dict[str, str]:
    """Return the variables of a group by their names: "host" is MASTER_DB_HOST in the group MASTER_DB."""
    settings = {}
    for variable, value in os.environ.items():
        if variable.startswith("MASTER_DB_"):
            settings[variable.removeprefix("MASTER_DB_").lower()] = value
    return settings
