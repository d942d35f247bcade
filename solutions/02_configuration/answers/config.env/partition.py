def read_group(group: str) -> dict[str, str]:
    """Return the variables of a group by their names: "host" is MASTER_DB_HOST in the group MASTER_DB."""
    settings: dict[str, str] = {}
    for variable in os.environ:
        before, separator, name = variable.partition(f"{group}_")
        if separator and not before:
            settings[name.lower()] = os.environ[variable]
    return settings
