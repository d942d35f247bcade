"""An incident on the live stack: it shows in several places, the usual reaction does not help, the reason does."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from tests.workshop_kit.game.playing import left_of, lesson_of, opened, play
from workshop_kit import game
from workshop_kit.engine.containers import Running
from workshop_kit.engine.stack import Stack
from workshop_kit.errors import WorkshopError, WrongUsage
from workshop_kit.game.incident import Incident
from workshop_kit.learn.lesson import Lesson
from workshop_kit.learn.workspace import Workspace

pytestmark = [pytest.mark.engine, pytest.mark.timeout(300)]
GIVEAWAYS = ("half_open", "game", "incident", "wednesday", "leak", 'fault":', "injected")


@pytest.fixture(scope="module")
def lesson(workspace: Workspace, stack: Stack) -> Lesson:
    """A lesson over the tests' stack."""
    stack.up()
    return lesson_of(workspace, stack)


def test_a_gateway_that_hangs_from_beginning_to_end(lesson: Lesson) -> None:
    """Injected, seen in two places, not helped by an older release, mended by its gateway, told on a card, gone."""
    incident = play(lesson, "wednesday", seed=1)
    record = incident.record
    assert record.injected is not None
    assert record.first_symptom is not None
    assert record.detected is not None
    assert record.fixed is not None
    assert record.injected <= record.first_symptom <= record.detected <= record.fixed


@pytest.fixture(scope="module")
def shop(lesson: Lesson) -> Iterator[Incident]:
    """One that something is wrong with, to look at and to misuse."""
    with opened(lesson, "wednesday", seed=2) as incident:
        incident.wait()
        yield incident


def test_nothing_gives_it_away(shop: Incident) -> None:
    """Neither a label, a variable nor a line says what was done, nor that anything was."""
    for running in shop.shop.running.values():
        seen = running.inspect()
        told = json.dumps([seen["Config"]["Labels"], seen["Config"]["Env"]])
        lines = running.container.logs().decode()
        assert [word for word in GIVEAWAYS if word in told.lower() or word in lines.lower()] == []
    assert [word for word in GIVEAWAYS if word in shop.settings().to_string().lower()] == []


def test_secrets_have_a_version_and_a_mark(shop: Incident) -> None:
    """What is compared side by side shows whether two secrets are the same, and none of them."""
    shown = shop.settings().to_string()
    release = shop.shop.current("production")
    assert "version 2" in shown
    assert [text for _, text in release.secrets.values() if text in shown or text in repr(release)] == []


def test_each_sees_one_signal(shop: Incident) -> None:
    """What is for the others is refused in a sentence, and the switch goes back."""
    shop.see("logs")
    assert len(shop.logs())
    for look in (shop.releases, shop.settings, lambda: shop.watch):
        with pytest.raises(WorkshopError, match="is for somebody else at your table"):
            look()
    assert shop.card().text, "the card at the end is for everybody"
    shop.see("everything")
    assert len(shop.releases())
    with pytest.raises(WrongUsage, match="'smells' is nothing to see"):
        shop.see("smells")


@pytest.mark.parametrize(
    ("words", "changes", "says"),
    [
        (("production",), {"release": 7}, "There is no release 7"),
        (("moon",), {}, "There is no environment 'moon'"),
        (("production",), {"cpus": "many"}, "cpus is no change that can be released"),
        (("production",), {"memory_mib": -1}, "memory_mib is no change that can be released"),
        (("production",), {"colour": "red"}, "colour is no change that can be released"),
    ],
)
def test_what_cannot_be_released_is_said_so(
    shop: Incident, words: tuple[str, ...], changes: dict[str, object], says: str
) -> None:
    """One sentence, and the shop goes on."""
    before = len(shop.shop.history)
    with pytest.raises(WorkshopError, match=says):
        shop.deploy(*words, **changes)  # type: ignore[arg-type]
    assert len(shop.shop.history) == before


def test_a_release_that_never_lives_changes_nothing(shop: Incident) -> None:
    """Settings that the service refuses: the one before goes on, and the last lines say why."""
    before = dict(shop.shop.running)
    with pytest.raises(WorkshopError) as error:
        shop.deploy("production", LOG_LEVEL="loud")
    assert "LOG_LEVEL" in (error.value.output or "")
    assert shop.shop.running == before
    assert shop.shop.url("production") is not None


def test_what_is_nowhere_cannot_be_restarted(shop: Incident) -> None:
    """The names that there are stand in the sentence."""
    with pytest.raises(WrongUsage, match="There is no 'mysql' to restart"):
        shop.restart("mysql")


def test_a_new_one_ends_the_one_before(lesson: Lesson) -> None:
    """Whoever runs the cell again has one shop, not two; tidying up takes it along."""
    first = game.start(lesson, "tuesday", seed=1)
    second = game.start(lesson, "wednesday", seed=1)
    assert first._stop.is_set()
    running = {one.name for one in (*second.shop.running.values(), *second.shop.gateways.proxies.values())}
    assert running <= set(left_of(lesson.stack))
    lesson.tidy()
    assert running & set(left_of(lesson.stack)) == set()


def test_a_name_that_is_no_day(lesson: Lesson) -> None:
    """It is said at once, before anything is started."""
    with pytest.raises(WrongUsage, match="There is no incident 'sunday'"):
        game.start(lesson, "sunday")


def test_a_shop_that_does_not_open_leaves_nothing(lesson: Lesson, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its service lives and never gets ready: that is said, and neither it nor a gateway stays."""
    before = set(left_of(lesson.stack))

    def never(*_: object, **__: object) -> float:
        raise WorkshopError("It did not get ready.")

    monkeypatch.setattr(Running, "wait_ready", never)
    with pytest.raises(WorkshopError, match="did not get ready"):
        game.start(lesson, "wednesday", seed=1)
    assert set(left_of(lesson.stack)) == before
