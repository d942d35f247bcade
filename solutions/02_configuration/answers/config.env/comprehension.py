def read_group(group: str) -> dict[str, str]:
    """Return the variables of a group by their names: "host" is MASTER_DB_HOST in the group MASTER_DB."""
    prefix = f"{group}_"
    own = {name: value for name, value in os.environ.items() if name.startswith(prefix)}
    return {name[len(prefix) :].lower(): value for name, value in own.items()}
