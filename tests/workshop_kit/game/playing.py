"""What the tests of game day share: a lesson without a kernel, and an incident from its beginning to its end."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tests.workshop_kit.learn.exercise import handing
from workshop_kit import game
from workshop_kit.disturb.journal import Journal
from workshop_kit.engine.labels import SESSION
from workshop_kit.engine.stack import Stack
from workshop_kit.game import signals
from workshop_kit.game.incident import Incident
from workshop_kit.learn.exercise import game_records
from workshop_kit.learn.exercise.checks import gameday
from workshop_kit.learn.exercise.desk import Desk
from workshop_kit.learn.exercise.judging import Judged
from workshop_kit.learn.exercise.result import Verdict
from workshop_kit.learn.lesson import Lesson
from workshop_kit.learn.workspace import Workspace
from workshop_kit.show.live import Screens

SIGNS, WITHIN_SECONDS = 2, 60.0
"""So many signals have to tell of it in so many seconds; the aim is half of it, and a busy machine takes longer."""


def lesson_of(workspace: Workspace, stack: Stack) -> Lesson:
    """The handle that a notebook would hold, of nobody who watches."""
    desk = Desk.of(workspace, lambda: stack)
    return Lesson("05_game_day", workspace, desk.progress, stack, desk, True, Screens(headless=True))


@contextmanager
def opened(lesson: Lesson, day: str, seed: int) -> Iterator[Incident]:
    """An incident; gone with the block."""
    incident = game.start(lesson, day, seed=seed)
    try:
        yield incident
    finally:
        incident.stop()


def play(lesson: Lesson, day: str, seed: int) -> Incident:
    """Live through an incident: it shows, the usual first reaction does not help, the solution does. Returns it."""
    with opened(lesson, day, seed) as incident:
        incident.wait()
        assert incident.first_symptom() is not None, "nobody suffers"
        assert Journal(lesson.stack.session).entries() == []
        begun = judged(incident, handing.starter(f"gameday.{day}", {day: incident}))
        assert begun.ruling is Verdict.WRONG, begun
        told = incident.shows()
        assert len(signals.quick(told, incident.record.injected, WITHIN_SECONDS)) >= SIGNS, told  # type: ignore[arg-type]
        solved = judged(incident, handing.solution(f"gameday.{day}", {day: incident}))
        assert solved.ruling is Verdict.PASSED, solved
        assert incident.cause.told in incident.card().text
    assert left_of(lesson.stack) == []
    return incident


def judged(incident: Incident, value: Any) -> Judged:
    """What the check says of what was handed in, from what the game has written down."""
    record = game_records.find(incident.lesson.stack.session, value["incident"])
    assert record is not None
    return gameday.judged(record)


def left_of(stack: Stack) -> list[str]:
    """What an incident has left behind: containers of this session that are not of the stack."""
    labels = {"label": [f"{SESSION}={stack.session.who.session}", "workshop.scope=kernel"]}
    found = stack.session.engine.client.containers.list(all=True, filters=labels, ignore_removed=True)
    return [str(container.name) for container in found]
