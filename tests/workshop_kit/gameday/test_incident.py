"""An incident, recorded and live: the service of its shop, what a participant sees and does, and what is noted."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import MagicMock

import pytest

from tests.workshop_kit.engine.kernels import own_containers
from tests.workshop_kit.exercises.conftest import no_engine
from tests.workshop_kit.gameday import recorded
from workshop_kit import gameday
from workshop_kit.display.live import LiveOutputs
from workshop_kit.engine.stack import Stack
from workshop_kit.errors import NotInTime, WorkshopError
from workshop_kit.exercises import checkpoint
from workshop_kit.exercises.exercise_service import ExerciseService
from workshop_kit.faults import active_fault
from workshop_kit.gameday import customer_watch, service
from workshop_kit.gameday import incident as incidents
from workshop_kit.gameday.customers import RATE_PER_SECOND, TURNED_AWAY
from workshop_kit.gameday.incident import Incident
from workshop_kit.host import MIB
from workshop_kit.lessons.lesson import Lesson
from workshop_kit.patience import wait_for
from workshop_kit.workspace.folder import Workspace

IMAGE = "the participant's image"
EXERCISE = "config.report"
LESSON = "05_game_day"


@pytest.fixture
def arrived(tmp_path: Path) -> ExerciseService:
    """The exercises of a participant at the start of lesson 05, all of them solved."""
    exercise_service = ExerciseService.of(Workspace.open(tmp_path / "workspace"), no_engine)
    checkpoint.arrange(exercise_service, LESSON)
    return exercise_service


def prepare(exercise_service: ExerciseService) -> service.ShopService:
    """The service of a shop, with an engine that builds everything."""
    client = MagicMock()
    client.images.build.side_effect = lambda **arguments: (arguments["tag"], [])
    return service.prepare(exercise_service, client, IMAGE, exercise_service.workspace.my_service)


def test_a_service_that_lacks_something_is_named_and_is_not_run(arrived: ExerciseService) -> None:
    """A solved folder runs as it is, and so does an exercise that passed, even if it differs from the reference."""
    assert prepare(arrived).images == [IMAGE]

    files = arrived.exercise_files(arrived.find(EXERCISE))
    path = arrived.workspace.folder / files.exercise.path
    path.write_text(files.starter_texts()[files.exercise.path])
    with pytest.raises(WorkshopError, match=r"lacks: config\.report\. Solve it first\. \./workshop goto 05"):
        prepare(arrived)

    with arrived.progress.record(EXERCISE) as record:
        record.passed_at = "today"
    assert prepare(arrived).images == [IMAGE]

    Path(arrived.workspace.my_service, service.ORDERS).unlink()
    with pytest.raises(WorkshopError, match=r"has no orders\.py\. \./workshop goto 05"):
        prepare(arrived)


def test_a_leaking_release_answers_as_before_and_grows(root: Path) -> None:
    """It wraps the handler, so the module may be the participant's own; a second leak is added to the first."""
    module: dict[str, Any] = {}
    source = "async def create(request):\n    return request\n"
    exec(service.add_leak(service.add_leak(source, mib=1), mib=2), module)
    answer = SimpleNamespace(body=b"{}")
    assert asyncio.run(module["create"](answer)) is answer
    assert [len(receipt) for receipt in module["_receipts"]] == [MIB, 2 * MIB]

    reference = (root / "workshop_app" / service.ORDERS).read_text()
    compile(service.add_leak(reference, mib=3.5), service.ORDERS, "exec")
    with pytest.raises(WorkshopError, match=r"orders.py has no function create"):
        service.add_leak("CREATED = 1\n", mib=1)


@pytest.fixture
def incident(tmp_path: Path) -> Incident:
    """A recorded incident."""
    return recorded.incident(tmp_path, "wednesday")


def test_secrets_have_a_version_and_a_mark(tmp_path: Path) -> None:
    """The table shows whether two secrets are equal, but no secret."""
    incident = recorded.incident(tmp_path, "monday")
    shown = incident.compare(*incident.releases()["release"]).to_string()
    release = incident.shop.current
    assert "version 2" in shown
    assert "version 3" in shown
    texts = [text for _, text in release.secrets.values()]
    assert [text for text in texts if text in shown] == []
    assert [text for text in texts if text in repr(release)] == []


def test_only_compare_shows_what_a_release_changed_and_is_noted(incident: Incident) -> None:
    """The list of releases does not show it; the card has the comparison."""
    assert [*incident.releases()] == ["time", "release"]
    assert not incident.record.actions
    numbers = [*incident.releases()["release"]]
    assert "HTTP_DRAIN_SECONDS" in incident.compare(*numbers).index
    (noted,) = incident.record.actions
    assert noted.endswith(f"compared releases {', '.join(map(str, numbers))}")


def test_the_first_own_action_counts_and_no_cell_of_the_lesson(
    incident: Incident, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A cell as shipped is no own action; a cell of the participant is one."""
    monkeypatch.setattr(incidents, "running_cell", lambda: "monday.releases()")
    incident.releases()
    assert incident.record.detected is None
    monkeypatch.setattr(incidents, "running_cell", lambda: "wednesday.releases().tail()")
    incident.releases()
    assert incident.record.detected is not None


@pytest.mark.parametrize(
    ("act", "says"),
    [
        (lambda incident: incident.deploy(release=7), "There is no release 7"),
        (lambda incident: incident.deploy(memory_mib=-1), "memory_mib is no change that can be released"),
        (
            lambda incident: gameday.start(incident.lesson, "my-service:5", "sunday", seed=1),
            "There is no incident 'sunday'",
        ),
    ],
)
def test_a_wrong_action_is_refused(incident: Incident, act: Callable[[Incident], object], says: str) -> None:
    """One sentence, and nothing is released."""
    before = len(incident.shop.history)
    with pytest.raises(WorkshopError, match=says):
        act(incident)
    assert len(incident.shop.history) == before


def test_no_day_begins_before_its_customers_are_served(incident: Incident, monkeypatch: pytest.MonkeyPatch) -> None:
    """On Wednesday's shop, with its gateway half open, nobody is: the sentence says how many are not."""
    monkeypatch.setattr(customer_watch, "SERVED_SECONDS", 0.0)
    customers: Any = incident.customers
    with pytest.raises(NotInTime, match=r"Nothing was changed yet.* 36 of 36 customers were not served"):
        gameday.wait_served(customers)
    monkeypatch.setattr(customer_watch, "WATCH_SECONDS", 0.0)
    gateways: Any = incident.shop.gateways
    incident.restart(*gateways.states)
    gameday.wait_served(customers)


GIVEAWAYS = ("game", "incident", "monday", "stale", "rotat", 'fault":', "injected")
FEWEST_SIGNALS = 2
CUSTOMERS = 6 * RATE_PER_SECOND


@pytest.fixture(scope="module")
def lesson(workspace: Workspace, stack: Stack) -> Lesson:
    """The handle of a notebook, over the tests' stack; the participant's folder is solved."""
    stack.up()
    exercise_service = ExerciseService.of(workspace, lambda: stack)
    checkpoint.arrange(exercise_service, "05_game_day")
    return Lesson("05_game_day", workspace, stack, True, LiveOutputs(headless=True))


@pytest.mark.engine
@pytest.mark.long
@pytest.mark.timeout(300)
def test_an_incident_shows_its_symptoms_and_not_its_cause(lesson: Lesson) -> None:
    """Several signals show that customers suffer; no label, variable, setting or log line names the cause.

    A release that does not start changes nothing. A new incident ends the one before, and the end removes all.
    """
    image = lesson.client.images.build(path=str(lesson.folder), tag="my-service:5")[0]
    try:
        monday = gameday.start(lesson, image, "monday", seed=1)
        assert monday.shop.container.container.image.id == image.id
        monday.wait()
        assert_nothing_gives_it_away(monday)
        shown = monday.shows()
        assert shown["customers"] is not None, "no customer suffers"
        assert len([moment for moment in shown.values() if moment]) >= FEWEST_SIGNALS, shown
        assert shown["metrics"] is not None, "customers are turned away, and the metrics do not show it"
        with pytest.raises(WorkshopError) as error:
            monday.deploy(LOG_LEVEL="loud")
        assert "LOG_LEVEL" in (error.value.output or "")
        assert_releases_lose_nobody(monday)
        wednesday = gameday.start(lesson, image, "wednesday", seed=1)
        running = {
            container.name for container in (wednesday.shop.container, *wednesday.shop.gateways.proxies.values())
        }
        assert own_containers(lesson.stack.session) >= running
        assert monday.shop.container.name not in own_containers(lesson.stack.session)
    finally:
        lesson.live_outputs.stop()
    assert own_containers(lesson.stack.session) == set()


def assert_releases_lose_nobody(incident: Incident) -> None:
    """The balancer turned customers away for a reason; once the first release is back, the next one loses none."""
    incident.deploy(release=40)
    came = datetime.now(UTC)
    incident.deploy(LOG_LEVEL="warning")
    assert wait_for(lambda: len(incident.customers.since(came)) >= CUSTOMERS, 60)
    assert TURNED_AWAY not in {visit.error for visit in incident.customers.since(came)}
    assert TURNED_AWAY in {*incident.visits["error"]}


def assert_nothing_gives_it_away(incident: Incident) -> None:
    """Neither a marker nor anything that a participant sees names the cause."""
    assert active_fault.find(incident.lesson.stack.session) == []
    text = incident.compare(*incident.releases()["release"]).to_string()
    running = incident.shop.container
    config = running.inspect()["Config"]
    text += json.dumps([config["Labels"], config["Env"], running.container.logs().decode()])
    assert [word for word in GIVEAWAYS if word in text.lower()] == []
