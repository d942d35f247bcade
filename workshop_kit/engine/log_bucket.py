"""The bucket of collected logs: start the collector, wait until it has read everything, read the bucket.

Objects are ``logs/<environment>/<service>/YYYY/MM/DD/HH/*.jsonl.gz``. A line in them is a record of the engine's
json-file, whose ``attrs`` name the container.
"""

from __future__ import annotations

import gzip
import json
import math
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from docker.errors import APIError

from workshop_kit.engine import parameter_store
from workshop_kit.engine.aws import Access, translate_errors
from workshop_kit.engine.containers import Running
from workshop_kit.engine.stack import Stack
from workshop_kit.errors import WorkshopError
from workshop_kit.patience import wait_for
from workshop_kit.reporting import Report, silent

SERVICE = "collector"
BUCKET = "workshop-logs"
READER = "log-reader"
STATE = ("sh", "-c", "touch /tmp/flush && date +%s.%N && cat /tmp/state.json")
"""The command that makes the collector deliver what it has read, and prints its time and its state."""
LOOK_SECONDS = 0.05
POLICY = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{BUCKET}/*"},
        {"Effect": "Allow", "Action": "s3:ListBucket", "Resource": f"arn:aws:s3:::{BUCKET}"},
    ],
}


@dataclass(frozen=True)
class LogBucket:
    """The bucket, as a user who may read it, and the collector that fills it."""

    stack: Stack
    access: Access = field(repr=False)
    bucket: ClassVar[str] = BUCKET
    prefix: ClassVar[str] = "logs/"

    def client(self) -> Any:
        """Return a boto3 S3 client of a user who may list and read this bucket, and do nothing else."""
        return self.access.client("s3")

    def wait_collected(self, within_seconds: float = 20) -> None:
        """Wait until every line that was written before now is in the bucket.

        Raises WorkshopError with the cause if that takes longer.
        """
        collector = Running(self.stack.session, self.stack.container(SERVICE))
        late_state = wait_flushed(collector, within_seconds)
        if late_state is not None:
            raise WorkshopError(
                f"Not everything was collected within {within_seconds:g} s: {_delay_reason(late_state)}.",
                "Start what is stopped, or wait a little, then try again.",
            )

    def objects(self, below: str = "") -> list[str]:
        """Return the keys of all objects below a place (``ENVIRONMENT/SERVICE/``), sorted."""
        with translate_errors(self.access, "list the collected logs"):
            listing = self.client().get_paginator("list_objects_v2")
            pages = listing.paginate(Bucket=self.bucket, Prefix=self.prefix + below)
            keys = [entry["Key"] for page in pages for entry in page.get("Contents", [])]
        return sorted(keys)

    def content(self, below: str = "") -> bytes:
        """Return the lines of all objects below a place, in the form that ``observe.logs.read_json_file`` reads."""
        texts = []
        client = self.client()

        for key in self.objects(below):
            with translate_errors(self.access, f"read {key}"):
                body = client.get_object(Bucket=self.bucket, Key=key)["Body"]
                texts.append(gzip.decompress(body.read()))

        return b"".join(texts)


def start(stack: Stack, report: Report = silent) -> LogBucket:
    """Start the collector and its bucket, unless they run; return the bucket for a new user who may only read it.

    Each call creates a user: a second key of one user would replace the first.
    """
    stack.up(SERVICE, parameter_store.SERVICE, report=report)
    administrator = parameter_store.connect(stack).access
    reader = administrator.new_user(f"{READER}-{secrets.token_hex(4)}", POLICY)
    return LogBucket(stack, reader)


def wait_flushed(collector: Running, within_seconds: float) -> Mapping[str, Any] | None:
    """Wait until what was written before now is in the bucket; return None, or the state of a late collector."""
    collector_time, _ = state_of(collector)

    def read_state() -> Mapping[str, Any]:
        _, state = state_of(collector)
        return state

    def is_flushed(state: Mapping[str, Any]) -> bool:
        return bool(state["delivered_at"] >= collector_time + state["settle_seconds"])

    state = wait_for(read_state, within_seconds, until=is_flushed, pause_seconds=LOOK_SECONDS)
    return None if is_flushed(state) else state


def state_of(collector: Running) -> tuple[float, Mapping[str, Any]]:
    """Return the collector's time and its state. Raises WorkshopError if it does not run."""
    try:
        first_line, _, state = collector.read(*STATE).partition("\n")
        return float(first_line), json.loads(state)
    except (APIError, ValueError) as error:
        raise WorkshopError(
            "The collector does not answer: it is not running.", "Start it again, then repeat the cell."
        ) from error


def _delay_reason(state: Mapping[str, Any]) -> str:
    """Return why not everything is in the bucket."""
    waiting_kib = math.ceil(state["waiting_bytes"] / 1024)
    outage = f", and the bucket has been away since {state['away_since']}" if state["away_since"] else ""
    return f"{waiting_kib} KiB wait to be sent{outage}"
