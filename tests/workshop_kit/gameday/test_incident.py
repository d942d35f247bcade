"""An incident on the live stack: several signals show it, none names its cause, nothing is left."""

from __future__ import annotations

import json

import pytest

from tests.workshop_kit.engine.kernels import things
from workshop_kit import gameday
from workshop_kit.display.live import Screens
from workshop_kit.engine.labels import SCOPE
from workshop_kit.engine.stack import Stack
from workshop_kit.errors import WorkshopError
from workshop_kit.exercises import checkpoint
from workshop_kit.exercises.exercise_service import ExerciseService
from workshop_kit.faults.injection import Journal
from workshop_kit.gameday.incident import Incident
from workshop_kit.lessons.lesson import Lesson
from workshop_kit.workspace.folder import Workspace

pytestmark = [pytest.mark.engine, pytest.mark.long, pytest.mark.timeout(300)]

GIVEAWAYS = ("game", "incident", "monday", "stale", "rotat", 'fault":', "injected")
FEWEST_SIGNALS = 2


@pytest.fixture(scope="module")
def lesson(workspace: Workspace, stack: Stack) -> Lesson:
    """The handle of a notebook, over the tests' stack; the participant's folder is solved."""
    stack.up()
    exercise_service = ExerciseService.of(workspace, lambda: stack)
    checkpoint.arrange(exercise_service, "05_game_day")
    return Lesson(
        "05_game_day", workspace, exercise_service.progress, stack, exercise_service, True, Screens(headless=True)
    )


def containers_of(stack: Stack) -> set[str]:
    """The containers of this session that do not belong to the stack."""
    found = things(stack.session.engine, stack.session.identity.session, f"{SCOPE}=kernel")
    return {name for kind, name in map(str.split, found) if kind == "container"}


def test_an_incident_shows_its_symptoms_and_not_its_cause(lesson: Lesson) -> None:
    """Several signals show that customers suffer; no label, variable, setting or log line names the cause.

    A release that does not start changes nothing. A new incident ends the one before, and the end removes all.
    """
    image = lesson.client.images.build(path=str(lesson.folder), tag="my-service:5")[0]
    try:
        monday = gameday.start(lesson, image, "monday", seed=1)
        assert monday.record.reference == ""
        assert monday.shop.running["production"].container.image.id == image.id
        monday.wait()
        assert_nothing_gives_it_away(monday)
        shown = monday.shows()
        assert shown["customers"] is not None, "no customer suffers"
        assert len([moment for moment in shown.values() if moment]) >= FEWEST_SIGNALS, shown
        assert shown["metrics"] is not None, "customers are turned away, and the metrics do not show it"
        with pytest.raises(WorkshopError) as error:
            monday.deploy("production", LOG_LEVEL="loud")
        assert "LOG_LEVEL" in (error.value.output or "")
        assert monday.shop.url("production") is not None
        tuesday = gameday.start(lesson, image, "tuesday", seed=1)
        running = {one.name for one in (*tuesday.shop.running.values(), *tuesday.shop.gateways.proxies.values())}
        assert containers_of(lesson.stack) >= running
        assert not containers_of(lesson.stack) & {one.name for one in monday.shop.running.values()}
    finally:
        lesson.screens.stop()
    assert containers_of(lesson.stack) == set()


def assert_nothing_gives_it_away(incident: Incident) -> None:
    """Neither the journal nor anything that a participant sees names the cause."""
    assert Journal(incident.lesson.stack.session).entries() == []
    seen = incident.compare(*incident.releases()["release"]).to_string()
    for running in incident.shop.running.values():
        config = running.inspect()["Config"]
        seen += json.dumps([config["Labels"], config["Env"], running.container.logs().decode()])
    assert [word for word in GIVEAWAYS if word in seen.lower()] == []
