"""The panel without a page: its errors, its headless form, and results as text and HTML. tests/browser clicks it."""

from __future__ import annotations

import re
from dataclasses import replace
from unittest.mock import Mock

import pytest

from tests.examples import given, st
from workshop_kit.errors import WorkshopError
from workshop_kit.exercises.cards import as_text, comparison_card, exercise_page, result_card, solution_card
from workshop_kit.exercises.exercise_service import ExerciseService
from workshop_kit.exercises.panel import ExercisePanel, ExerciseWidget
from workshop_kit.paths import CHECKOUT
from workshop_kit.patience import wait_for
from workshop_kit.trials.result import Finding, Result, Verdict
from workshop_kit.workspace import exercise_list

ID = "container.graceful"


@pytest.fixture
def judge(engineless: ExerciseService, monkeypatch: pytest.MonkeyPatch) -> Mock:
    """Stands for the check of an exercise whose file was edited; it is always wrong."""
    judge = Mock(return_value=Result(Verdict.WRONG, "It was tried."))
    file = engineless.workspace.my_service / "start.sh"
    file.write_text("mine <b>")
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
        before = widget.answered
        judge.side_effect = fails
        panel.handle_message(widget, {"do": "check"}, None)
        assert wait_for(lambda: widget.answered > before and not widget.doing, 60)
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


BAD = Finding(False, "docker stop", "137 after 10.0 s", "0 within 2 s", "Requests are cut off.", "Look at main().")
RESULT = Result(Verdict.WRONG, "It was killed.", (BAD,), exercise="container.graceful", seconds=1.24)
EXERCISE = exercise_list.find(exercise_list.load(CHECKOUT), "container.graceful")


def test_lines_are_wrapped_and_terminal_sequences_written_out() -> None:
    """Long sentences are wrapped under themselves; a container can neither clear nor color the participant's screen."""
    long = replace(BAD, got="\x1b[2Jred\u202etxet\nnext", means="word " * 60)
    text = as_text(replace(RESULT, findings=(long,), output=long.got))
    assert max(len(line) for line in text.split("\n")) <= 88
    assert not set(text) & set("\x1b\u202e")
    assert "came back       \\x1b[2Jred\\u202etxet\n                    next\n" in text


STRANGE = st.text(st.sampled_from("<>&\"'=/ai\n")) | st.sampled_from(["<script>x</script>", "<img src=x onerror=y>"])


@given(STRANGE, st.sampled_from(Verdict), st.booleans())
def test_no_text_becomes_markup(strange: str, verdict: Verdict, passed: bool) -> None:
    """Text of containers and authors is escaped."""

    def pages(text: str) -> list[str]:
        finding = Finding(passed, text, text, text, text, text)
        result = Result(verdict, text, (finding,), text, exercise=text, seconds=0.1)
        odd = EXERCISE.model_copy(update={"title": text, "guidelines": (text,), "id": text})
        shown = [exercise_page(odd, result, (text,), solution=solution_card(text)), result_card(result)]
        shown.append(comparison_card(f"mine {text}", f"theirs {text}"))
        return [page.html for page in shown]

    if not strange:
        return
    for odd, plain in zip(pages(strange), pages("x"), strict=True):
        assert re.findall("<[^>]*>", re.sub('"[^"]*"', "", odd)) == re.findall("<[^>]*>", re.sub('"[^"]*"', "", plain))
