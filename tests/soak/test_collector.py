"""The collector under fire: every part is killed again and again while lines go through, and none is lost."""

from __future__ import annotations

import random
import time
from pathlib import Path

import pytest

from tests.images.collecting import a_bucket, bucket_away, collected, kill_and_start, kill_part, wait_running, write

pytestmark = [pytest.mark.engine, pytest.mark.long, pytest.mark.alone, pytest.mark.timeout(300)]

TOTAL, RATE_PER_SECOND, ROUNDS, SEED = 150_000, 6_000, 3, 1


def test_every_part_killed_three_times(images: dict[str, str], tmp_path: Path) -> None:
    """Reader, uploader, collector and network go three times each, at random moments: 0 lines lost, 0 twice."""
    chance = random.Random(SEED)
    with a_bucket(tmp_path / "workspace") as bucket, write(bucket, "writer", TOTAL, rate=RATE_PER_SECOND) as writer:
        collector = bucket.stack.container("collector")
        for _ in range(ROUNDS):
            for part in chance.sample(["read", "upload"], 2):
                time.sleep(chance.uniform(0, 1.5))
                kill_part(collector, part)
            time.sleep(chance.uniform(0, 1.5))
            with bucket_away(bucket):
                time.sleep(chance.uniform(0, 1.5))
                kill_and_start(bucket, chance.uniform(0, 1))
                wait_running(collector)
        writer.wait_ended(within_seconds=200)
        bucket.wait_collected(60)
        found = collected(bucket, "writer")
        assert sorted(found.numbers) == list(range(TOTAL))
        assert (found.gaps, found.torn) == ([], 0)
