"""Numbered lines over four paths: what is lost is counted, and the path that the workshop takes loses nothing."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.images.collecting import a_bucket
from workshop_kit.disturb import log_paths
from workshop_kit.engine.log_bucket import LogBucket

pytestmark = pytest.mark.engine


@pytest.fixture(scope="module")
def bucket(tmp_path_factory: pytest.TempPathFactory, images: dict[str, str]) -> Iterator[LogBucket]:
    """A bucket with a collector."""
    with a_bucket(tmp_path_factory.mktemp("paths") / "workspace") as made:
        yield made


def test_a_receiver_that_is_away_costs_lines_and_the_collector_none(bucket: LogBucket) -> None:
    """While both are away the syslog driver loses lines; the files keep them until the collector is through."""
    table = log_paths.outage(bucket).set_index("path")
    assert list(table.columns) == ["written", "arrived", "lost", "duplicated"]
    assert table.loc["syslog driver", "lost"] > 0
    assert table.loc["files and collector"].to_list() == [15_000, 15_000, 0, 0]
    assert (table["written"] == table["arrived"] + table["lost"]).all()


def test_blocking_waits_and_non_blocking_drops(bucket: LogBucket) -> None:
    """While nobody reads, the one mode stalls the writer and loses nothing; the other goes on, and drops what is over.

    So it does with the engine's own buffer, and more so with a small one.
    """
    table = log_paths.modes(bucket.stack)
    read, stalled, default, small = (row for _, row in table.iterrows())
    assert [row["path"] for row in (read, stalled, default, small)] == [*["blocking"] * 2, *["non-blocking"] * 2]
    assert [row["buffer"] for row in (default, small)] == ["1m (default)", "16k"]
    assert table["stalled_seconds"].to_list() == [0, 2, 2, 2]
    for row in (read, stalled):
        assert (row["arrived"], row["lost"], row["duplicated"]) == (50_000, 0, 0)
    assert stalled["seconds"] >= 2.0
    assert small["lost"] > default["lost"] > 0
    assert max(default["seconds"], small["seconds"]) < stalled["seconds"]
    assert (table["written"] == table["arrived"] + table["lost"]).all()
    assert table["duplicated"].sum() == 0
