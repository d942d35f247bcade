"""Five questions before and after, and feedback: each participant's own next question, counted without names."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from tests.workshop_room.desk.room_pages import RoomPages
from workshop_kit.lessons.predictions import ASKS, load_all_questions
from workshop_kit.membership.join_code import JoinCode
from workshop_kit.membership.protocol import GuessReport, Poll, Snapshot
from workshop_kit.paths import CHECKOUT
from workshop_kit.workspace.course import TRACKS, load_course, notebook_cells
from workshop_room.desk.audience import Audience
from workshop_room.desk.questionnaires import FEEDBACK, THANKS, load_questions
from workshop_room.desk.room_api import RoomApi
from workshop_room.timetable.track_times import TrackTimes

QUESTIONS = load_questions()
NAMES = list(QUESTIONS.learning)


def report(room: RoomPages, number: int, answers: dict[str, str], **fields: Any) -> Poll | None:
    """Report the snapshot of one participant with these answers; return the question that the room asks next."""
    guesses = {name: GuessReport(choice=choice) for name, choice in answers.items()}
    snapshot = Snapshot(participant=f"{number:032x}", sequence=len(answers), guesses=guesses, **fields)
    return room.api.classroom.report(snapshot).poll


def chart(room: RoomPages) -> dict[str, Any]:
    """What the room's page gets for its chart."""
    learning: dict[str, Any] = room.get("/audience/room").json()["learning"]
    return learning


@pytest.mark.parametrize("name", NAMES)
def test_a_question_comes_from_a_prediction_and_has_other_numbers(name: str) -> None:
    """The prediction exists; the words are others, and a number in it is none of the prediction's."""
    question = QUESTIONS.learning[name]
    prediction = load_all_questions(CHECKOUT / "notebooks")[question.prediction]
    assert question.question != prediction.question
    texts = [question.question, *(option.text for option in question.options.values())]
    prediction_texts = [prediction.question, *(option.text for option in prediction.options.values())]
    numbers = set(re.findall(r"\d+", " ".join(texts)))
    assert numbers
    assert not numbers & set(re.findall(r"\d+", " ".join(prediction_texts)))


@pytest.mark.parametrize("track", TRACKS)
@pytest.mark.parametrize("name", NAMES)
def test_what_a_question_asks_is_taught_on_every_track(name: str, track: str) -> None:
    """The cell with its prediction is not folded."""
    lesson, _, prediction = QUESTIONS.learning[name].prediction.partition(".")
    times = TrackTimes.of(CHECKOUT, track)
    cells = notebook_cells(CHECKOUT / "notebooks" / f"{lesson}.ipynb")
    [asking] = [cell["id"] for cell in cells if prediction in ASKS.findall(cell["source"])]
    assert times.has_lesson(lesson)
    assert times.has_cell(lesson, asking)


def test_the_five_questions_are_of_all_three_subjects() -> None:
    """Configuration, logging and monitoring."""
    lessons = {question.prediction.split(".")[0] for question in QUESTIONS.learning.values()}
    assert {"02_configuration", "03_logging", "04_monitoring"} <= lessons


def test_everybody_gets_the_next_question_after_an_answer(room: RoomPages) -> None:
    """At their own speed, with its number, and thanks at the end; notebooks show it, too."""
    assert report(room, 1, {}) is None
    room.said("questions", name="before")
    answers: dict[str, str] = {}
    for number, (name, question) in enumerate(QUESTIONS.learning.items(), 1):
        poll = report(room, 1, answers)
        assert poll is not None
        assert poll.question == f"{number} of 5: {question.question}"
        assert poll.options == {key: option.text for key, option in question.options.items()}
        assert poll.in_notebook
        answers[poll.id] = question.right
        assert poll.id == f"before.{name}"
    last_poll = report(room, 1, answers)
    assert (last_poll and last_poll.question, last_poll and dict(last_poll.options)) == (THANKS, {})
    first = report(room, 2, {})
    assert first is not None
    assert first.question.startswith("1 of 5: ")
    room.said("questions-end")
    assert report(room, 2, {}) is None


def test_the_chart_counts_right_answers_before_and_after(room: RoomPages) -> None:
    """Wrong ones and those that are none of the options are not right; the right option is there once it is shown."""
    first, second = (QUESTIONS.learning[name] for name in NAMES[:2])
    wrong = next(key for key in first.options if key != first.right)
    report(room, 1, {f"before.{NAMES[0]}": wrong, f"after.{NAMES[0]}": first.right})
    report(room, 2, {f"before.{NAMES[0]}": first.right, f"before.{NAMES[1]}": second.right})
    report(room, 3, {f"before.{NAMES[0]}": "no-option"})
    learning = chart(room)
    counts = [(row["before"], row["after"]) for row in learning["rows"]]
    nobody = {"right": 0, "answered": 0}
    assert counts[0] == ({"right": 1, "answered": 2}, {"right": 1, "answered": 1})
    assert counts[1] == ({"right": 1, "answered": 1}, nobody)
    assert counts[2:] == [(nobody, nobody)] * 3
    assert learning["headline"] == "Right answers: before 2 of 3, after 1 of 1."
    assert [row["answer"] for row in learning["rows"]] == [""] * 5
    room.said("questions-answers", shown=True)
    assert [row["answer"] for row in chart(room)["rows"]] == [
        question.options[question.right].text for question in QUESTIONS.learning.values()
    ]
    room.said("show", what="learning")
    assert room.audience.shows == "learning"


def test_who_left_is_not_counted_and_who_is_silent_is(room: RoomPages) -> None:
    """A laptop that is closed at the end has answered all the same."""
    for number in (1, 2):
        report(room, number, {f"before.{NAMES[0]}": QUESTIONS.learning[NAMES[0]].right})
    room.api.classroom.clock = lambda: 1e9
    assert room.api.classroom.snapshots() == []
    assert chart(room)["rows"][0]["before"] == {"right": 2, "answered": 2}
    room.api.classroom.forget(f"{1:032x}")
    assert chart(room)["rows"][0]["before"] == {"right": 1, "answered": 1}


def test_feedback_is_counted_on_the_presenters_page_alone(room: RoomPages) -> None:
    """Its options are the lessons; nothing of it is on the page of the room."""
    room.said("questions", name="feedback")
    pace = report(room, 1, {})
    assert pace is not None
    best = report(room, 1, {"feedback.pace": "fast"})
    assert best is not None
    titles = {lesson.name: lesson.title for lesson in load_course(CHECKOUT).lessons}
    assert dict(best.options) == titles
    report(room, 1, {"feedback.pace": "fast", "feedback.best": "03_logging", "feedback.unclear": "nothing"})
    state = room.get("/presenter/room", room.server.presenter_token).json()["questions"]
    counted = [chosen(question) for question in state["feedback"]]
    assert counted == [[["Too fast", 1]], [[titles["03_logging"], 1]], [["In none", 1]]]
    assert (state["opened"], state["progress"]["feedback"]) == ("feedback", [1, 1])
    assert "Too fast" not in room.get("/audience/room").text


def chosen(question: dict[str, Any]) -> list[Any]:
    """The answers of a question that somebody gave, each with its number."""
    return [answer for answer in question["answers"] if answer[1]]


def test_the_feedback_names_the_lessons_of_the_track() -> None:
    """Nobody is asked for a lesson that was not taught."""
    times = TrackTimes.of(CHECKOUT, "90min")
    api = RoomApi(JoinCode("127.0.0.1", 28_100, 1), Audience(), CHECKOUT, times)
    _, best, _ = api.questions.questionnaires[FEEDBACK].polls
    assert list(best.options) == [
        lesson.name for lesson in times.course.lessons if lesson.name in times.course.names("90min")
    ]
    assert "05_game_day" not in best.options


def test_one_thing_is_asked_at_a_time(room: RoomPages) -> None:
    """A prediction as a poll ends the questions, and the questions end it; an unknown name changes nothing."""
    prediction = QUESTIONS.learning[NAMES[0]].prediction
    room.said("questions", name="after")
    room.said("poll", prediction=prediction)
    poll = report(room, 1, {})
    assert poll is not None
    assert (poll.id, poll.in_notebook) == (prediction, False)
    answer = room.do("questions", name="never")
    assert answer.json()["error"] == "There are no questions 'never'. Choose from: before, after, feedback."
    assert report(room, 1, {}) == poll
    room.said("questions", name="before")
    asked = report(room, 1, {})
    assert asked is not None
    assert asked.id == f"before.{NAMES[0]}"
    room.said("questions-end")
    assert report(room, 1, {}) is None


def test_the_room_is_told_of_a_summary(room: RoomPages) -> None:
    """On its page, on phones and in notebooks, as soon as the presenter keeps one."""
    body = json.dumps({"participant": "0" * 32})
    for keep in (True, False):
        room.said("summary", keep=keep)
        assert json.loads(room.ask_room("/snapshot", body).text)["keeps_summary"] is keep
        assert ("keeps a summary" in room.get("/audience/room").json()["summary"]) is keep
