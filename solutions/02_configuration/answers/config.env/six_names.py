def read_group(group: str) -> dict[str, str]:
    """Return the variables of a group by their names: "host" is MASTER_DB_HOST in the group MASTER_DB."""
    names = ("host", "port", "name", "user", "password", "sql_mode")
    return {name: os.environ[f"{group}_{name.upper()}"] for name in names}
