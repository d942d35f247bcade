"""The panel without a page: its errors, and its headless form. The clicks are in tests/browser."""

from __future__ import annotations

import pytest

from tests.waiting import wait_until
from workshop_kit.errors import WorkshopError
from workshop_kit.exercises.exercise_service import ExerciseService
from workshop_kit.exercises.panel import ExercisePanel, ExerciseWidget
from workshop_kit.exercises.result import Result, Verdict
from workshop_kit.workspace import regions

ID = "container.graceful"


class Judge:
    """Stands for the check, which is always wrong."""

    checks = 0
    fails: Exception | None = None

    def judge(self, *_: object) -> Result:
        """Raise ``fails``, or count the check."""
        if self.fails:
            raise self.fails
        self.checks += 1
        return Result(Verdict.WRONG, "It was tried.")


@pytest.fixture
def judge(engineless: ExerciseService, monkeypatch: pytest.MonkeyPatch) -> Judge:
    """The check of an exercise whose file was edited."""
    judge, file = Judge(), engineless.workspace.my_service / "start.sh"
    file.write_text(regions.replace(file.read_text(), ID, "mine <b>"))
    monkeypatch.setattr(ExerciseService, "judge", judge.judge)
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
