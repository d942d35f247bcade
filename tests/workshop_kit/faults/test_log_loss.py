"""Numbered lines over four paths: what is lost is counted, and the path that the workshop takes loses nothing."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.images.collector_helpers import a_bucket
from workshop_kit.engine.log_bucket import LogBucket
from workshop_kit.faults import log_loss

pytestmark = [pytest.mark.engine, pytest.mark.long]


@pytest.fixture(scope="module")
def bucket(tmp_path_factory: pytest.TempPathFactory, images: dict[str, str]) -> Iterator[LogBucket]:
    """A bucket with a collector."""
    with a_bucket(tmp_path_factory.mktemp("paths") / "workspace") as made:
        yield made


def test_a_receiver_that_is_away_costs_lines_and_the_collector_none(bucket: LogBucket) -> None:
    """While both are away the syslog driver loses lines; the files keep them until the collector is through."""
    table = log_loss.outage(bucket).set_index("path")
    assert list(table.columns) == ["written", "arrived", "lost", "duplicated"]
    assert table.loc["syslog driver", "lost"] > 0
    assert table.loc["files and collector"].to_list() == [10_000, 10_000, 0, 0]
    assert (table["written"] == table["arrived"] + table["lost"]).all()
