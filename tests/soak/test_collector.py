"""The collector under fire for longer: every part killed eight times while 400,000 lines go through."""

from __future__ import annotations

import random
import time
from pathlib import Path

import pytest

from tests.images.collecting import a_bucket, bucket_away, collected, kill_and_start, kill_part, wait_running, write

pytestmark = [pytest.mark.engine, pytest.mark.timeout(600)]
TOTAL, ROUNDS = 400_000, 8


@pytest.mark.parametrize("seed", [1, 2])
def test_every_part_killed_eight_times(images: dict[str, str], tmp_path: Path, seed: int) -> None:
    """400,000 lines; reader, uploader, collector and network, eight times each, at random moments: 0 lost, 0 twice."""
    chance = random.Random(seed)
    with a_bucket(tmp_path / "workspace") as bucket, write(bucket, "writer", TOTAL, rate=6_000) as writer:
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
        writer.wait_ended(within_seconds=300)
        bucket.wait_collected(60)
        found = collected(bucket, "writer")
        assert sorted(found.numbers) == list(range(TOTAL))
        assert (found.gaps, found.torn) == ([], 0)
