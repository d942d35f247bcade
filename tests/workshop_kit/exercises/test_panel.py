"""The panel without a page: the work of its buttons, its threads and its words. The clicks are in tests/browser."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.waiting import wait_until
from workshop_kit.errors import WorkshopError
from workshop_kit.exercises.exercise_service import ExerciseService
from workshop_kit.exercises.panel import ExercisePanel, ExerciseWidget
from workshop_kit.exercises.result import Result, Verdict
from workshop_kit.workspace import regions

ID = "container.graceful"


class Judge:
    """Stands for the check, which is wrong until ``right`` is set; and for the editor, which saves the file."""

    right = False
    checks = 0
    handled = 0  # saves that the panel has looked at
    fails: Exception | None = None

    def __init__(self, file: Path) -> None:
        self.file = file
        self.saved: queue.SimpleQueue[frozenset[str]] = queue.SimpleQueue()

    def judge(self, *_: object) -> Result:
        """Raise ``fails``, or count the check."""
        if self.fails:
            raise self.fails
        self.checks += 1
        return Result(Verdict.PASSED if self.right else Verdict.WRONG, "It was tried.")

    def save(self, text: str) -> None:
        """Save the file with this text in the exercise's region."""
        self.file.write_text(regions.replace(self.file.read_text(), ID, text))
        self.saved.put(frozenset({"my_service/start.sh"}))

    def saves(self, identifier: str, stop: threading.Event) -> Iterator[frozenset[str]]:
        """Yield the saves."""
        while not stop.is_set():
            yield self.saved.get()
            self.handled += 1


@pytest.fixture
def judge(engineless: ExerciseService, monkeypatch: pytest.MonkeyPatch) -> Judge:
    """The check of an exercise whose file was edited."""
    judge = Judge(engineless.workspace.my_service / "start.sh")
    judge.file.write_text(regions.replace(judge.file.read_text(), ID, "mine <b>"))
    monkeypatch.setattr(ExerciseService, "judge", judge.judge)
    monkeypatch.setattr(ExerciseService, "saves", lambda _, *arguments: judge.saves(*arguments))
    return judge


@pytest.fixture
def panel(engineless: ExerciseService, judge: Judge) -> ExercisePanel:
    """The panel of an exercise, shown."""
    panel = ExercisePanel(engineless.find(ID), engineless)
    panel.show()
    return panel


def page(panel: ExercisePanel) -> ExerciseWidget:
    """Return the widget."""
    assert isinstance(panel.job.widget, ExerciseWidget)
    return panel.job.widget


def click(panel: ExercisePanel, what: object) -> None:
    """Do what a click does, and wait until it is answered and nothing runs."""
    before = page(panel).answered
    panel.handle_message(page(panel), {"do": what}, None)
    wait_until(lambda: page(panel).answered > before and not page(panel).doing)


def switch(panel: ExercisePanel, *, on: bool) -> None:
    """Turn "Check on save"."""
    panel.handle_message(page(panel), {"do": "on_save", "on": on}, None)
    assert page(panel).on_save is on


def test_a_save_is_checked_while_the_switch_is_on(panel: ExercisePanel, judge: Judge) -> None:
    """A text that was checked already is not checked again, and none is once the switch is off."""
    switch(panel, on=True)
    judge.save("first")
    wait_until(lambda: judge.checks == 1 and not page(panel).doing)
    click(panel, "check")  # which saves first
    judge.save("first")
    wait_until(lambda: judge.handled == 2)
    judge.save("second")
    wait_until(lambda: judge.checks == 3 and not page(panel).doing)
    switch(panel, on=False)


def test_errors_are_sentences_and_secrets_stay_in_the_kernel(panel: ExercisePanel, judge: Judge) -> None:
    """A WorkshopError comes with the last lines of the failed command; of any other error the page has the type only.

    The next check works.
    """
    judge.fails = WorkshopError("The pot is empty.", "Fill it.", output="one\ntwo\nthree\n\x1b[2Jfour")
    click(panel, "check")
    assert page(panel).problem == "The pot is empty. Fill it.\ntwo\nthree\n\\x1b[2Jfour"
    judge.fails = KeyError("s3cret")
    click(panel, "check")
    assert "(KeyError)" in page(panel).problem
    assert "s3cret" not in str(page(panel).get_state()) + panel.page().html
    judge.fails = None
    click(panel, "check")
    assert page(panel).problem == ""


def test_headless_checks_and_shows_the_page_alone(
    engineless: ExerciseService, judge: Judge, capsys: pytest.CaptureFixture[str]
) -> None:
    """A headless run has no widget; where the solutions are in place, an exercise that is not passed is an error."""
    panel = ExercisePanel(engineless.find(ID), engineless, headless=True)
    panel.show()
    assert (panel.job.widget, judge.checks) == (None, 1)
    assert panel.exercise.title in capsys.readouterr().out
    panel.must_pass = True
    with pytest.raises(WorkshopError, match=r"container\.graceful is not passed"):
        panel.show()
