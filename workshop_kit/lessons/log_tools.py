"""What lesson 03 shows of logs through ``w.logs``: followed, searched, collected in the bucket, piped into jq."""

from __future__ import annotations

import shlex
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event
from typing import Any

import pandas as pd

from workshop_kit.display.live import NotebookReport, Screens
from workshop_kit.engine import log_bucket, recipes
from workshop_kit.engine.log_bucket import LogBucket
from workshop_kit.engine.spec import service_in
from workshop_kit.engine.stack import Stack
from workshop_kit.faults import log_loss
from workshop_kit.observe.engine_api import container_of
from workshop_kit.observe.jq import MAX_BYTES, jq
from workshop_kit.observe.logs import LogFollower
from workshop_kit.screen import in_lines
from workshop_kit.search.explorer import Explorer
from workshop_kit.search.store import BucketStore, FrameStore


@dataclass(frozen=True)
class LogTools:
    """The log tools of one notebook; ``cache`` is a folder for files read from the bucket."""

    stack: Stack
    screens: Screens = field(repr=False)
    cache: Path

    def tail(self, container: Any, title: str) -> Explorer:
        """Show a container's lines with a search box, new ones as they come; `stop` ends it."""
        target = container_of(container)
        known = {"service": service_in(target.labels) or target.name}

        def lines(stop: Event) -> LogFollower:
            return LogFollower(target, stop)

        return Explorer(FrameStore(), follow=lines, known=known, title=title).show(self.screens)

    def explore(self, lines: BucketStore, query: str = "", *, title: str = "All logs") -> Explorer:
        """Show the log explorer over the lines that `collected` returns."""
        return Explorer(lines, query, title=title).show(self.screens)

    def bucket(self) -> LogBucket:
        """Start the collector and its bucket unless they run; return the bucket, read-only."""
        return log_bucket.start(self.stack, NotebookReport())

    def collected(self) -> BucketStore:
        """Return the lines in the bucket, once everything that was written until now has arrived there.

        Starts the collector unless it runs. Raises WorkshopError if the lines do not arrive in time.
        """
        bucket = self.bucket()
        bucket.wait_collected()
        return BucketStore(bucket.access, bucket.bucket, self.cache, bucket.prefix, report=NotebookReport())

    def outage(self) -> pd.DataFrame:
        """Count the lines that two paths lose while a receiver is down. See `log_loss.outage`."""
        return log_loss.outage(self.bucket(), report=NotebookReport())

    def modes(self) -> pd.DataFrame:
        """Count the lines that the log driver's two modes lose at full speed. See `log_loss.modes`."""
        return log_loss.modes(self.stack, report=NotebookReport())

    def jq(self, program: str, container: Any, *options: str) -> None:
        """Print the output of ``docker logs CONTAINER | jq OPTIONS PROGRAM``; jq runs in a container."""
        target = container_of(container)
        answer = jq(self.stack.session, recipes.tags(self.stack.root)["collector"], program, target.logs(), *options)
        words = shlex.join(["jq", *options, program])
        print(f"$ docker logs {target.name} | {words}\n{in_lines(answer.output + answer.error)}")  # noqa: T201 - it is a cell's output
        if answer.cut:
            print(f"The output was cut after {MAX_BYTES // 2**20} MiB: ask for less.")  # noqa: T201
