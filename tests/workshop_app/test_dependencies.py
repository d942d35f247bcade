"""Tests of the dependencies before they are connected: the first requests come while drivers are still loading."""

from __future__ import annotations

import pytest

from workshop_app import config
from workshop_app.dependencies import Dependencies


@pytest.mark.parametrize("critical", ["none", "redis", "replica-db,master-db", None])
def test_the_setting_says_which_are_critical(environ: dict[str, str], critical: str | None) -> None:
    """Every name that may be set is one of theirs; unless it is set, the replica is the one we can do without."""
    given = {} if critical is None else {"HEALTH_CRITICAL": critical}
    own = Dependencies(config.load(environ | given))
    assert tuple(one.name for one in own) == config.DEPENDENCIES
    wanted = set((critical or "master-db,redis").split(",")) - {"none"}
    assert {one.name for one in own if one.critical} == wanted
