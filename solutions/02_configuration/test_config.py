"""What config.py makes of an environment. No test reads the real one."""

import pytest
from my_service import config

DATABASE = {"host": "db", "port": 3306, "name": "shop", "user": "me", "password": "secret", "sql_mode": "ANSI"}
REDIS = {"host": "cache", "port": 6379, "password": "secret"}
GROUPS = {"master_db": DATABASE, "replica_db": DATABASE, "redis": REDIS}
ENVIRON = {f"{group}_{name}".upper(): str(value) for group in GROUPS for name, value in GROUPS[group].items()}


def test_the_whole_configuration():
    """One comparison: a setting that goes astray shows as a difference, whichever it is."""
    rest = {"http": {"port": 8081}, "health": {}, "log": {}}
    expected = config.Config.model_validate({**GROUPS, **rest})
    assert config.load({**ENVIRON, "HTTP_PORT": "8081"}) == expected


def test_what_is_missing_is_named():
    """The environment is an argument, so a test needs no variable of its own."""
    with pytest.raises(config.ConfigError) as refused:
        config.load({"HTTP_PORT": "abc"})
    assert {problem.variable for problem in refused.value.problems} == {*ENVIRON, "HTTP_PORT"}
