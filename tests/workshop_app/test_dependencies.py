"""Tests of the dependencies before they are connected: the first requests come while drivers are still loading."""

from __future__ import annotations

import json
import os
import subprocess
import sys

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
