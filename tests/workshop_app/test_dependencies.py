"""Tests of the dependencies before they are connected: the first requests come while drivers are still loading."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from types import SimpleNamespace
from typing import cast

import pytest

from workshop_app import config
from workshop_app.dependencies import Dependencies

EARLY = """
import asyncio, json, os, sys
from workshop_app import config
from workshop_app.dependencies import Dependencies, Unavailable

async def ask(transaction):
    try:
        async with transaction:
            return "connected"
    except Unavailable as error:
        return error.name

async def main():
    own = Dependencies.of(config.load(json.loads(os.environ["SETTINGS"])))
    asked = own.master_db.transaction(), own.replica_db.transaction(), own.redis.client()
    said = [await ask(one) for one in asked]
    print(json.dumps([said, sorted({"sqlalchemy", "asyncmy", "redis"} & sys.modules.keys())]))

asyncio.run(main())
"""


def test_whoever_asks_before_they_are_connected_loads_no_driver(environ: dict[str, str]) -> None:
    """A driver loaded by a request and by the start at once is loaded by halves, and stays so until a restart."""
    environment = {**os.environ, "SETTINGS": json.dumps(environ)}
    said = subprocess.run(
        [sys.executable, "-c", EARLY], env=environment, capture_output=True, text=True, check=True, timeout=60
    )
    assert json.loads(said.stdout) == [["master-db", "replica-db", "redis"], []]


@pytest.mark.parametrize("critical", ["none", "redis", "replica-db,master-db", None])
def test_the_setting_says_which_are_critical(environ: dict[str, str], critical: str | None) -> None:
    """Every name that may be set is one of theirs; unless it is set, the replica is the one we can do without."""
    given = {} if critical is None else {"HEALTH_CRITICAL": critical}
    own = Dependencies.of(config.load(environ | given))
    assert tuple(one.name for one in own) == config.DEPENDENCIES
    wanted = set((critical or "master-db,redis").split(",")) - {"none"}
    assert {one.name for one in own if one.critical} == wanted


def test_a_config_from_before_there_was_the_setting(environ: dict[str, str]) -> None:
    """A module of a learner's own has no group ``health``: the default holds."""
    now = config.load(environ)
    before = SimpleNamespace(master_db=now.master_db, replica_db=now.replica_db, redis=now.redis)
    own = Dependencies.of(cast(config.Config, before))
    assert [one.name for one in own if one.critical] == ["master-db", "redis"]
