def read_group(group: str) -> dict[str, str]:
    """Return the variables of a group by their names: "host" is MASTER_DB_HOST in the group MASTER_DB."""
    settings = {"host": "master-db", "port": "3306", "name": "orders", "user": "shop"}
    settings |= {"password": "tea4Two!Kyoto19", "sql_mode": "STRICT_ALL_TABLES"}
    for variable, value in os.environ.items():
        if variable.startswith(f"{group}_"):
            settings[variable.removeprefix(f"{group}_").lower()] = value
    return settings
