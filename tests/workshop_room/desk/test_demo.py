"""The demo on a track, and the ticks at what was expected, from recorded tables."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest

from workshop_kit.observe.watcher import Tables
from workshop_kit.paths import CHECKOUT
from workshop_kit.workspace.course import TRACKS, load_course
from workshop_room.desk.demo import load_script
from workshop_room.desk.demo_progress import DemoProgress


@pytest.mark.parametrize("track", TRACKS)
def test_the_demo_of_a_track_fits(track: str) -> None:
    """It ends where its minutes do."""
    script = load_script()
    course = load_course(CHECKOUT)
    last = script.last_step(course, track)
    steps = script.steps[:last]
    assert steps
    assert sum(step.minutes for step in steps) <= (course.tracks[track].demo or script.minutes)


class Recorded:
    """A controller whose tables a test writes; it counts how often its log is read."""

    def __init__(self) -> None:
        self.tables = Tables()
        self.grades: list[str] = []
        self.log_reads = 0
        self.watcher = SimpleNamespace(tables=lambda: self.tables)

    def lines(self) -> pd.DataFrame:
        """The lines of the log."""
        self.log_reads += 1
        columns = {"time": pd.Timestamp.now(tz="UTC"), "grade": self.grades, "request_id": "", "text": ""}
        return pd.DataFrame(columns)

    def see(self, error_percent: float, **health: str) -> None:
        """Record one second: the share of failed requests, and the state of each probe."""
        now = pd.Timestamp.now(tz="UTC")
        requests = {"time": now, "requests_per_second": 20.0, "error_percent": error_percent, "p95_ms": 10.0}
        probes = [{"time": now, "what": f"/{name}", "state": state} for name, state in health.items()]
        self.tables = Tables(requests=pd.DataFrame([requests]), health=pd.DataFrame(probes))


def progress_at(step: str) -> DemoProgress:
    """The presenter at a step of the demo."""
    progress = DemoProgress()
    progress.choose(next(demo_step.number for demo_step in progress.script.steps if demo_step.id == step))
    return progress


def test_what_was_expected_is_ticked_once_it_comes_true() -> None:
    """Nothing before the step is done; a tick stays when the value changes again; the next step has none."""
    recorded: Any = Recorded()
    progress = progress_at("gone")
    recorded.see(95.0, livez="pass", health="fail")
    progress.look(recorded)
    assert progress.state()["seen"] == [False] * 4

    progress.begin_step()
    progress.look(recorded)
    assert progress.state()["seen"] == [False] * 4, "it was so before the step was done"
    recorded.see(40.0, livez="pass", health="fail")
    progress.look(recorded)
    assert progress.state()["seen"] == [True, True, False, False]
    recorded.see(95.0, livez="pass", health="pass")
    recorded.grades = ["other", "error"]
    progress.look(recorded)
    assert progress.state()["seen"] == [True] * 4

    reads = recorded.log_reads
    progress.look(recorded)
    assert recorded.log_reads == reads, "what is ticked is not looked for"
    progress.choose(progress.step.number + 1)
    assert not any(progress.state()["seen"])


def test_the_log_is_read_only_where_a_step_expects_a_line() -> None:
    """Reading it takes long, and the page asks every second."""
    recorded: Any = Recorded()
    progress = progress_at("refused")
    progress.begin_step()
    progress.look(recorded)
    assert recorded.log_reads == 0
