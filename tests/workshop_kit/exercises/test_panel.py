"""The panel without a page: its errors, and its headless form. The clicks are in tests/browser."""

from __future__ import annotations

from unittest.mock import Mock

import pytest

from tests.waiting import wait_until
from workshop_kit.errors import WorkshopError
from workshop_kit.exercises.exercise_service import ExerciseService
from workshop_kit.exercises.panel import ExercisePanel, ExerciseWidget
from workshop_kit.exercises.result import Result, Verdict
from workshop_kit.workspace import regions

ID = "container.graceful"


@pytest.fixture
def judge(engineless: ExerciseService, monkeypatch: pytest.MonkeyPatch) -> Mock:
    """Stands for the check of an exercise whose file was edited; it is always wrong."""
    judge = Mock(return_value=Result(Verdict.WRONG, "It was tried."))
    file = engineless.workspace.my_service / "start.sh"
    file.write_text(regions.replace(file.read_text(), ID, "mine <b>"))
    monkeypatch.setattr(ExerciseService, "judge", judge)
    return judge


def test_errors_are_sentences_and_secrets_stay_in_the_kernel(engineless: ExerciseService, judge: Mock) -> None:
    """A WorkshopError comes with the last lines of the failed command; of any other error the page has the type only.

    The next check works.
    """
    panel = ExercisePanel(engineless.find(ID), engineless)
    widget = panel.job.widget
    assert isinstance(widget, ExerciseWidget)

    def problem_of_check(fails: Exception | None) -> str:
        """Do what a click on Check does, and wait until it is answered and nothing runs."""
        before, judge.side_effect = widget.answered, fails
        panel.handle_message(widget, {"do": "check"}, None)
        wait_until(lambda: widget.answered > before and not widget.doing)
        return str(widget.problem)

    failed = WorkshopError("The pot is empty.", "Fill it.", output="one\ntwo\nthree\n\x1b[2Jfour")
    assert problem_of_check(failed) == "The pot is empty. Fill it.\ntwo\nthree\n\\x1b[2Jfour"
    assert "(KeyError)" in problem_of_check(KeyError("s3cret"))
    assert "s3cret" not in str(widget.get_state()) + panel.page().html
    assert problem_of_check(None) == ""


def test_headless_checks_and_shows_the_page_alone(
    engineless: ExerciseService, judge: Mock, capsys: pytest.CaptureFixture[str]
) -> None:
    """A headless run has no widget; where the solutions are in place, an exercise that is not passed is an error."""
    panel = ExercisePanel(engineless.find(ID), engineless, headless=True)
    panel.show()
    assert (panel.job.widget, judge.call_count) == (None, 1)
    assert panel.exercise.title in capsys.readouterr().out
    panel.must_pass = True
    with pytest.raises(WorkshopError, match=r"container\.graceful is not passed"):
        panel.show()
