"""How a container ended that was told to stop."""

from __future__ import annotations

import pytest

from workshop_kit.checks import stops


@pytest.mark.parametrize(
    ("process_1", "code", "is_good"),
    [
        ("python main.py", 0, True),
        ("/sbin/docker-init -- python main.py", 0, True),
        ("/sbin/docker-init -- python main.py", 143, True),
        ("tini -- sh start.sh", 143, True),
        ("tini -- sh start.sh", 137, False),
        ("sh start.sh tini", 143, False),
        ("python main.py", None, False),
    ],
)
def test_behind_an_init_143_is_a_good_end(process_1: str, code: int | None, is_good: bool) -> None:
    """uvicorn raises SIGTERM again once it has stopped; an init passes that on as 143."""
    assert stops.is_good_end(process_1, code) is is_good
