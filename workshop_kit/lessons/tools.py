"""What lessons show of a running container through ``w``: its logs, its measurements, and where a secret leaks.

boto3 is a slow import: `lesson` loads this module when a cell needs it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Self

import pandas as pd

from workshop_kit.display.live import LiveOutputs, NotebookReport
from workshop_kit.display.live_figure import LiveFigure, live_span
from workshop_kit.display.one_clock import one_clock
from workshop_kit.display.rendered import Rendered
from workshop_kit.display.timeline import Timeline
from workshop_kit.engine import log_bucket
from workshop_kit.engine.labels import service_in
from workshop_kit.engine.log_bucket import LogBucket
from workshop_kit.engine.reach import Engine
from workshop_kit.engine.stack import Stack
from workshop_kit.errors import WrongUsage
from workshop_kit.faults import injection
from workshop_kit.observe import leaks
from workshop_kit.observe.engine_api import container_of
from workshop_kit.observe.leaks import Surface
from workshop_kit.observe.logs import LogFollower, read_json_file
from workshop_kit.observe.watcher import Watcher, WatchTarget
from workshop_kit.reporting import Report, Step
from workshop_kit.search.explorer import Explorer

# The key among the notebook's live outputs.
WATCH = "watch"
ENDED = ("created", "exited", "dead")
"""The engine's words for the states of a container that has nothing to measure."""
SURFACES = {
    "image inspect": "docker image inspect: settings and labels of the image",
    "image history": "docker history: the instructions that made the image",
    "image layers": "docker save: every file of every layer, deleted ones too",
    "inspect": "docker inspect: what the container was started with",
    "log": "docker logs: what it has written",
    "processes": "docker top: command lines, as the host sees them",
    "/proc/*/environ": "the environment of its processes, read inside",
    "/proc/*/cmdline": "the arguments of its processes, read inside",
    "open pipes": "what waits in a pipe of process 1",
    "writable layer": "files that it has added or changed",
    "mounted files": "files of volumes and folders that are mounted into it",
    "a child process": "env, as any program that it starts would see it",
}
"""Each surface with a description and the command that shows it."""
ENCODINGS = {
    "plain": "as it is",
    "base64": "in base64",
    "URL": "URL-encoded",
    "hex": "in hexadecimal",
    "reversed": "reversed",
}


@dataclass(frozen=True)
class LogTools:
    """The log tools of one notebook."""

    stack: Stack
    live_outputs: LiveOutputs = field(repr=False)

    def tail(self, container: Any, title: str) -> Explorer:
        """Show a container's lines with a search box, new ones as they come; `stop` ends it."""
        engine_container = container_of(container)
        service = service_in(engine_container.labels) or engine_container.name
        follower = LogFollower(engine_container)
        explorer = Explorer(follower.poll(), title=title, follower=follower, service=service)
        return explorer.show(self.live_outputs)

    def explore(self, lines: pd.DataFrame, words: str = "", *, title: str = "All logs") -> Explorer:
        """Show the log explorer over the lines that `collected` returns, first those that have all ``words``."""
        explorer = Explorer(lines, words, title=title)
        return explorer.show(self.live_outputs)

    def bucket(self) -> LogBucket:
        """Start the collector and its bucket unless they run; return the bucket, read-only."""
        return log_bucket.start(self.stack, NotebookReport())

    def collected(self) -> pd.DataFrame:
        """Return the lines in the bucket, once everything that was written until now has arrived there.

        ``service`` is the one that wrote the line. Starts the collector unless it runs. Raises WorkshopError if the
        lines do not arrive in time.
        """
        bucket = self.bucket()
        bucket.wait_collected()
        lines = read_json_file(bucket.content())
        if "labels" in lines:
            lines["service"] = lines["labels"].str.get("service")
        return lines


class Watch:
    """Measures a container and shows it live below the cell, until ``stop``; the measurements stay available."""

    def __init__(self, stack: Stack, watcher: Watcher) -> None:
        self._stack = stack
        self._watcher = watcher
        self._container = watcher.target.name
        self._started = datetime.now(UTC)
        self._figure = LiveFigure(f"Watched live: {self._container}", self._timeline)

    def start(self, live_outputs: LiveOutputs) -> Self:
        """Begin to measure and to draw. A new watch ends the previous one."""
        live_outputs.replace(WATCH, self.stop)
        self._watcher.start()
        self._figure.show(headless=live_outputs.headless)
        return self

    def stop(self) -> pd.DataFrame:
        """End the measurements, whose last picture stays, and return them: see `watcher.Tables.measurements`."""
        self._figure.stop()
        self._watcher.stop()
        return self._watcher.tables().measurements()

    def one_clock(self, title: str, logs: pd.DataFrame | None = None) -> Rendered:
        """Return the measurements, the faults, and ``logs``, a table of log lines, on one time axis.

        `timeline.one_clock` says which time is shown.
        """
        tables = self._watcher.tables()
        faults = injection.history(self._stack.session)
        return one_clock(title, tables, tables.measurements(), logs=logs, faults=faults, container=self._container)

    def _timeline(self) -> Timeline:
        """Return what happened since the start."""
        tables = self._watcher.tables()
        start, end = live_span(self._started)
        return Timeline(
            self._figure.title,
            self._container,
            tables.measurements(),
            start,
            end,
            health=tables.health,
            events=tables.events,
            faults=injection.history(self._stack.session),
        )


def start_watch(stack: Stack, live_outputs: LiveOutputs, container: Any) -> Watch:
    """Start to measure a container of the Docker SDK, and show it live. Raises WrongUsage for one that has ended."""
    engine_container = container_of(container)
    engine_container.reload()
    if engine_container.status in ENDED:
        sentence = f"{engine_container.name} does not run (its state is {engine_container.status!r})."
        raise WrongUsage(sentence, "Start it, then watch it.")

    name = service_in(engine_container.labels) or engine_container.name
    target = WatchTarget(name, id=engine_container.id)
    watcher = Watcher(stack.session.engine, stack.session.identity.workspace_id, target)
    return Watch(stack, watcher).start(live_outputs)


def leak_hunt(engine: Engine, secret: str, container: Any) -> pd.DataFrame:
    """Return a row for each surface: ``found`` (the encoding, "–" for not found) and ``what it is``.

    Six characters of the secret count as found. ``container`` is a running container of the Docker SDK.
    """
    image_surfaces = leaks.image_surfaces(engine, container.attrs["Image"])
    container_surfaces = leaks.container_surfaces(container)
    mounted_files = leaks.Surface("mounted files", container.name, _read_mounted_files(container))
    environment = bytes(container.exec_run("env").output)
    child_process = leaks.Surface.of("a child process", container.name, environment)

    surfaces = [*image_surfaces, *container_surfaces, mounted_files, child_process]
    hits = leaks.hunt(secret, _show_each(surfaces, NotebookReport()))
    encodings = [_encoding_names(text) for text in hits["encoding"]]
    descriptions = [SURFACES[surface] for surface in hits["surface"]]
    index = pd.Index(hits["surface"], name="surface")
    return pd.DataFrame({"found": encodings, "what it is": descriptions}, index=index)


def _show_each(surfaces: Sequence[Surface], report: Report) -> Iterator[Surface]:
    """Yield the surfaces, and report which one is searched: the layers of an image take long."""
    for number, surface in enumerate(surfaces):
        report(Step("Leak hunt", number / len(surfaces), surface.name))
        yield surface

    report(Step("Leak hunt", 1.0, f"{len(surfaces)} places", done=True))


def _encoding_names(text: str) -> str:
    """Return the comma-separated encodings in words; "–" for none."""
    if not text:
        return "–"
    return ", ".join(ENCODINGS[encoding] for encoding in text.split(", "))


def _read_mounted_files(container: Any) -> Iterator[bytes]:
    """Yield the archives of all volumes and folders that are mounted into a container."""
    container.reload()
    for mount in container.attrs["Mounts"]:
        yield from leaks.archive_of(container, mount["Destination"])
