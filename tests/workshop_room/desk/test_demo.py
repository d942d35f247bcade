"""The demo's script, and the ticks at what is said, from recorded tables."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import ValidationError

from tests.workshop_room.desk.desk_pages import RecordedController
from workshop_kit.faults.catalog import FAULTS
from workshop_kit.paths import CHECKOUT
from workshop_kit.workspace.course import load_course
from workshop_room.desk.demo import Sentence, load_script
from workshop_room.desk.demo_progress import DemoProgress
from workshop_room.desk.log_lines import LogLine

SCRIPT = load_script()


def test_the_demo_fits_into_its_minutes() -> None:
    """On every track that has some."""
    minutes = {track.demo for track in load_course(CHECKOUT).tracks.values()}
    assert minutes - {0} == {SCRIPT.minutes}


def test_every_fault_of_the_script_can_be_injected() -> None:
    """Those of the steps, and those by one click: name and parameters are in the catalog."""
    step_actions = [action for step in SCRIPT.steps for action in step.actions]
    for action in (*SCRIPT.faults, *step_actions):
        if action.action == "fault":
            FAULTS[action.fault].complete_parameters(action.parameters)


def test_what_is_said_is_measured() -> None:
    """A sentence that states something needs an expectation; a question states nothing."""
    Sentence(text="Who waits?")
    with pytest.raises(ValidationError, match="nothing is measured"):
        Sentence(text="All probes are green.")
    with pytest.raises(ValidationError, match="should match pattern"):
        Sentence(text="All probes are green.", see=("/livez passes",))


def test_what_is_said_is_ticked_once_it_is_true() -> None:
    """Not before the step is done; a tick stays when the value changes again; the next step has none."""
    recorded: Any = RecordedController()
    progress = DemoProgress(SCRIPT)
    progress.choose(2)
    recorded.stopped = ["master-db"]
    recorded.record(error_percent=95.0, readyz="fail", health="fail")
    progress.look(recorded)
    progress.finish_actions()
    progress.look(recorded)
    assert not any(progress.state()["seen"]), "it was so before the step was done"

    recorded.record(error_percent=40.0, readyz="fail", health="fail")
    progress.look(recorded)
    assert progress.state()["seen"] == [False, True, True, False, False, False]
    recorded.record(error_percent=95.0)
    recorded.log = [LogLine(datetime.now(UTC), {"level": "error"})] * 10
    progress.look(recorded)
    assert progress.state()["seen"] == [True, True, True, True, False, False]

    progress.choose(3)
    assert not any(progress.state()["seen"])
