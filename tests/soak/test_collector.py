"""The collector under load: repeated kills and network cuts lose no line."""

from __future__ import annotations

import random
import time
from pathlib import Path

import pytest

from tests.images.collector_helpers import a_bucket, assert_whole, bucket_away, kill_and_start, write

pytestmark = [pytest.mark.engine, pytest.mark.long, pytest.mark.alone, pytest.mark.timeout(300)]

TOTAL, RATE_PER_SECOND, ROUNDS, SEED = 200_000, 6_000, 3, 1


def test_collector_and_network_fail_three_times(images: dict[str, str], tmp_path: Path) -> None:
    """The collector is killed as it reads and as it uploads, the network is cut, at random: 0 lines lost, 0 twice."""
    chance = random.Random(SEED)
    with a_bucket(tmp_path / "workspace") as bucket, write(bucket, "writer", TOTAL, rate=RATE_PER_SECOND) as writer:
        collector = bucket.stack.container("collector")
        for _ in range(ROUNDS):
            time.sleep(chance.uniform(0, 1.5))
            kill_and_start(collector, chance.uniform(0, 1))
            time.sleep(chance.uniform(0, 1.5))
            with bucket_away(bucket, collector):
                time.sleep(chance.uniform(0, 1.5))
                kill_and_start(collector, chance.uniform(0, 1))
            time.sleep(chance.uniform(0, 0.3))  # what waited is being uploaded
            kill_and_start(collector, chance.uniform(0, 1))
        writer.wait_ended(within_seconds=200)
        bucket.wait_collected(60)
        assert_whole(bucket, "writer", TOTAL)
