"""What config.py makes of an environment. pytest's monkeypatch sets each variable, and puts it back."""

import os

import config
import pytest
from pydantic import ValidationError

DATABASE = {"host": "db", "port": "3306", "name": "shop", "user": "me", "password": "secret", "sql_mode": "ANSI"}
REDIS = {"host": "cache", "port": "6379", "password": "secret"}
GROUPS = {"master_db": DATABASE, "replica_db": DATABASE, "redis": REDIS}


@pytest.fixture
def environment(monkeypatch):
    """Set all variables that the service needs, and no other."""
    for variable in list(os.environ):
        monkeypatch.delenv(variable)
    for group, settings in GROUPS.items():
        for name, value in settings.items():
            monkeypatch.setenv(f"{group}_{name}".upper(), value)
    return monkeypatch


def test_the_whole_configuration(environment):
    """One comparison: a setting that goes astray shows as a difference, whichever it is."""
    environment.setenv("HTTP_PORT", "8081")
    assert config.Settings() == config.Settings.model_construct(
        http_port=8081,
        master_db=config.DatabaseSettings(**DATABASE),
        replica_db=config.DatabaseSettings(**DATABASE),
        redis=config.RedisSettings(**REDIS),
    )


def test_all_that_is_missing_is_named(environment):
    """Two are missing, and one start names both."""
    environment.delenv("MASTER_DB_HOST")
    environment.delenv("REDIS_PASSWORD")
    with pytest.raises(ValidationError) as refused:
        config.Settings()
    named = [problem.partition(":")[0] for problem in config.problems(refused.value)]
    assert named == ["MASTER_DB_HOST", "REDIS_PASSWORD"]
