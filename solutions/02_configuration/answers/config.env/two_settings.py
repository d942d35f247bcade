def read_group(group: str) -> dict[str, str]:
    """Return the variables of a group by their names: "host" is MASTER_DB_HOST in the group MASTER_DB."""
    settings = {"port": "3306", "user": "shop", "password": "tea4Two!Kyoto19"}
    settings["sql_mode"] = "STRICT_ALL_TABLES"
    return settings | {"host": os.environ[f"{group}_HOST"], "name": os.environ[f"{group}_NAME"]}
