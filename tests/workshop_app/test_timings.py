"""How long a request waited for what: summed, by name, for that request alone."""

from __future__ import annotations

import asyncio

import pytest

from workshop_app import timings

pytestmark = pytest.mark.anyio


async def wait(name: str, seconds: float = 0.05, *, fails: bool = False) -> None:
    """Wait for a dependency."""
    with timings.waiting_for(name):
        await asyncio.sleep(seconds)
        if fails:
            raise TimeoutError


async def test_waits_are_summed_by_name() -> None:
    """Twice the master is one number, also at the same time; what was not used is not there."""
    waits = timings.of_request()
    await wait("master-db")
    await asyncio.gather(wait("master-db"), wait("redis"))
    assert set(waits) == {"master_db_ms", "redis_ms"}
    assert 100 <= waits["master_db_ms"] < 1000
    assert 50 <= waits["redis_ms"] < 500


async def test_a_wait_that_fails_counts() -> None:
    """A database that does not answer is what one most wants to see."""
    waits = timings.of_request()
    with pytest.raises(TimeoutError):
        await wait("replica-db", fails=True)
    assert waits["replica_db_ms"] >= 50


async def test_requests_do_not_count_for_each_other() -> None:
    """Each has its own sums, and outside of a request nobody counts."""

    async def request(name: str) -> dict[str, float]:
        waits = timings.of_request()
        await wait(name)
        return waits

    first, second, _ = await asyncio.gather(request("redis"), request("master-db"), wait("replica-db"))
    assert (set(first), set(second)) == ({"redis_ms"}, {"master_db_ms"})
