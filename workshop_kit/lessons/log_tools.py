"""What a lesson does with logs: watch them, have them collected, search them, ask them with jq."""

from __future__ import annotations

import shlex
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event
from typing import Any

import pandas as pd

from workshop_kit.display.live import Screens
from workshop_kit.display.notebook_progress import NotebookReport
from workshop_kit.engine import images, log_bucket
from workshop_kit.engine.log_bucket import LogBucket
from workshop_kit.engine.spec import service_in
from workshop_kit.engine.stack import Stack
from workshop_kit.faults import log_loss
from workshop_kit.observe.engine_api import container_of
from workshop_kit.observe.jq import MAX_BYTES, jq
from workshop_kit.observe.logs import LogFollower, follow
from workshop_kit.screen import in_lines
from workshop_kit.search import BucketStore, FrameStore
from workshop_kit.search.explorer import Explorer


@dataclass(frozen=True)
class LogTools:
    """The tools of one notebook; ``cache`` is a folder for what was read from the bucket."""

    stack: Stack
    screens: Screens = field(repr=False)
    cache: Path

    def tail(self, container: Any, title: str, query: str = "") -> Explorer:
        """Show what a container has written and writes from now on, to be searched; `stop` ends it."""
        of = container_of(container)
        known = {"service": service_in(of.labels) or of.name}

        def lines(stop: Event) -> LogFollower:
            return follow(of, stop)

        return Explorer(FrameStore(), query, follow=lines, known=known, title=title).show(self.screens)

    def explore(self, lines: FrameStore | pd.DataFrame, query: str = "", *, title: str = "All logs") -> Explorer:
        """Show the log explorer over a store, or over a reader's table."""
        return Explorer(_store(lines), query, title=title).show(self.screens)

    def sql(self, lines: FrameStore | pd.DataFrame, query: str) -> pd.DataFrame:
        """Return the answer to one SELECT over the table ``logs``. Raises WorkshopError for a mistake in it."""
        return _store(lines).sql(query)

    def bucket(self) -> LogBucket:
        """Start the collector and its bucket, unless they run, and return the bucket as a reader sees it."""
        return log_bucket.start(self.stack, NotebookReport())

    def collected(self) -> BucketStore:
        """Return all that was written until now by what this workspace runs, as it is in the bucket.

        Starts the collector unless it runs. Raises WorkshopError if the bucket does not get everything in time.
        """
        bucket = self.bucket()
        bucket.wait_collected()
        return BucketStore(bucket.access, bucket.bucket, self.cache, bucket.prefix, report=NotebookReport())

    def outage(self) -> pd.DataFrame:
        """Count what two paths out of a container lose while a receiver is away. See `log_paths.outage`."""
        return log_loss.outage(self.bucket(), report=NotebookReport())

    def modes(self) -> pd.DataFrame:
        """Count what the log driver's two modes lose at full speed. See `log_paths.modes`."""
        return log_loss.modes(self.stack, report=NotebookReport())

    def jq(self, program: str, container: Any, *options: str) -> None:
        """Print what ``docker logs CONTAINER | jq OPTIONS PROGRAM`` gives, fit to be shown; jq runs in a container."""
        of = container_of(container)
        said = jq(self.stack.session, images.tags(self.stack.root)["collector"], program, of.logs(), *options)
        words = shlex.join(["jq", *options, program])
        print(f"$ docker logs {of.name} | {words}\n{in_lines(said.output + said.error)}")  # noqa: T201 - it is a cell's output
        if said.cut:
            print(f"The output was cut after {MAX_BYTES // 2**20} MiB: ask for less.")  # noqa: T201


def _store(lines: FrameStore | pd.DataFrame) -> FrameStore:
    return FrameStore(lines) if isinstance(lines, pd.DataFrame) else lines
