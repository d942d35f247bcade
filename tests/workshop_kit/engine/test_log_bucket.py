"""The bucket of logs as a lesson has it: everything written is in it, its reader may read and nothing else."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from botocore.exceptions import ClientError

from tests.images.collector_helpers import a_bucket
from workshop_kit.engine import containers, log_bucket
from workshop_kit.engine.labels import ENVIRONMENT, SERVICE
from workshop_kit.engine.log_bucket import LogBucket
from workshop_kit.engine.spec import Spec
from workshop_kit.errors import WorkshopError
from workshop_kit.observe import logs

pytestmark = [pytest.mark.engine, pytest.mark.long]
CODE = "import sys\nfor n in range(3000): print('{\"n\": %d}' % n, file=sys.stderr if n % 3 else sys.stdout)"


@pytest.fixture(scope="module")
def bucket(images: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[LogBucket]:
    """A bucket without lines of other tests, whose containers may have left a GAP."""
    with a_bucket(tmp_path_factory.mktemp("bucket")) as made:
        yield made


def test_what_a_container_wrote_is_read_from_the_bucket(bucket: LogBucket, images: dict[str, str]) -> None:
    """After ``wait_collected`` every line is there once, below its environment and service, as the reader reads it."""
    labels = {ENVIRONMENT: "qa", SERVICE: "numbers"}
    spec = Spec(images["base"], command=("python3", "-c", CODE), labels=labels)
    with containers.run(bucket.stack.session, spec) as running:
        running.wait_ended()
        bucket.wait_collected()
        frame = logs.read_json_file(bucket.content("qa/numbers/"))
        assert frame.attrs["malformed"] == 0
        assert list(frame["msg"].dropna()) == []  # no GAP
        assert sorted(frame["n"]) == list(range(3000))
        assert set(frame["stream"]) == {"stdout", "stderr"}
        assert frame["attrs"].str.contains(running.id[:12]).all()


def test_the_reader_may_read_and_nothing_else(bucket: LogBucket) -> None:
    """A reader of logs cannot change them, nor list other buckets."""
    attempts = (
        lambda: bucket.client().put_object(Bucket=bucket.bucket, Key="logs/forged", Body=b""),
        lambda: bucket.client().delete_object(Bucket=bucket.bucket, Key="logs/forged"),
        bucket.client().list_buckets,
    )
    for attempt in attempts:
        with pytest.raises(ClientError, match="AccessDenied"):
            attempt()


def test_a_collector_that_is_stopped_is_said_so(bucket: LogBucket) -> None:
    """Waiting for a collector that does not run ends at once, in one sentence; it goes on where it was."""
    bucket.stack.stop("collector")
    with pytest.raises(WorkshopError, match="not running"):
        bucket.wait_collected()
    again = log_bucket.start(bucket.stack)
    again.wait_collected()
    assert again.status().waiting_bytes == 0
