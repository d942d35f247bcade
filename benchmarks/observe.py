"""The CPU time of observing 50 containers once a second.

The share is CPU time of the whole process over wall time: a "second" below is CPU in one second of watching.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from benchmarks._rows import Row, cpu_share, show
from benchmarks._workspace import ROOT, own_session
from workshop_kit.engine import recipes
from workshop_kit.engine.containers import Spec, run
from workshop_kit.engine.reach import Engine
from workshop_kit.engine.session import Session
from workshop_kit.observe.stats import Meter

CONTAINERS = 50
WATCH_SECONDS = 10
RUNS = 3


@contextmanager
def sleepers(session: Session, image: str) -> Iterator[list[Any]]:
    """Yield fifty containers that do nothing; they are removed at the end."""
    made: list[Any] = []
    try:
        made += [run(session, Spec(image, command=("sleep", "3600"))) for _ in range(CONTAINERS)]
        yield made
    finally:
        for running in made:
            running.remove()


def watching(engine: Engine, containers: list[Any]) -> Row:
    """Measure the share of a core that reading takes: CPU time of the whole process over wall time."""
    meters = [(Meter(engine, one.name), one.id) for one in containers]

    def watch() -> None:
        began = time.monotonic()
        for second in range(1, WATCH_SECONDS + 1):
            for meter, identifier in meters:
                meter.read(identifier)
            time.sleep(max(0.0, began + second - time.monotonic()))

    work = f"CPU a second of reading the statistics of {CONTAINERS} containers at 1 Hz"
    return Row(work, cpu_share(watch, RUNS), RUNS, "≤ 0.10 s (10 % of a core)")


def main() -> None:
    """Measure in a session of its own."""
    with own_session() as (_, session), sleepers(session, recipes.tags(ROOT)["base"]) as containers:
        show([watching(session.engine, containers)])


if __name__ == "__main__":
    main()
