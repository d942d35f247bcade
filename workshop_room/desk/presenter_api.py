"""The presenter's API: what can be clicked, what each click does, and the state. Plain data in and out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from workshop_kit.errors import WrongUsage
from workshop_kit.faults.catalog import FAULTS
from workshop_kit.faults.load import RANGES
from workshop_kit.lessons.predictions import load_all_questions
from workshop_kit.workspace.course import find_lesson, lesson_names
from workshop_room.desk.audience import GivenAnswer, GuessCounts, guesses_in
from workshop_room.desk.controller import Controller
from workshop_room.desk.demo import PICTURES, DemoStep
from workshop_room.desk.demo_progress import DemoProgress
from workshop_room.desk.desk_faults import REQUESTS, engine_errors_as_sentences
from workshop_room.pages import notes
from workshop_room.timetable.track_times import TrackTimes

Body = Mapping[str, Any]


class PresenterApi:
    """The desk of one presenter: `do` is called when a button is clicked, `state` every second by the page.

    ``times`` are those of the track that is taught, by default the full one.
    """

    def __init__(self, controller: Controller, times: TrackTimes | None = None) -> None:
        self.controller = controller
        self.times = times or TrackTimes.of(controller.stack.root)
        self.audience = controller.audience
        self.demo = DemoProgress()

        self.actions: Mapping[str, Callable[[Body], object]] = {
            **self._service_actions(),
            **self._lesson_actions(),
            **self._audience_actions(),
            **self._demo_actions(),
            "notes": self._load_notes,
            "find": lambda body: controller.lines_of(_require_text(body, "request_id")).texts,
        }

    def _service_actions(self) -> dict[str, Callable[[Body], object]]:
        """Return the buttons that send requests to the service, inject and revert faults, or wait for its health."""
        controller = self.controller
        return {
            "load": lambda body: controller.load(_require_text(body, "request"), body.get("rate_per_second", 0)),
            "load-stop": lambda _: controller.load_generator.stop(),
            "order": lambda body: controller.order(_require_text(body, "request_id")),
            "well": lambda _: controller.wait_until_well(),
            "fault": self._inject_fault,
            "undo": lambda body: controller.active_faults.revert(_require_text(body, "id")),
            "undo-all": lambda _: controller.active_faults.revert_all(),
        }

    def _lesson_actions(self) -> dict[str, Callable[[Body], object]]:
        """Return the buttons that go to a lesson, and those of the countdown for an exercise."""
        audience = self.audience
        controller = self.controller
        return {
            "minutes": lambda body: audience.countdown.set(body.get("minutes")),
            "goto": lambda body: controller.go_to(_require_text(body, "lesson")),
            "count": lambda _: audience.countdown.start(),
            "pause": lambda _: audience.countdown.pause(),
            "reset": lambda _: audience.countdown.reset(),
        }

    def _audience_actions(self) -> dict[str, Callable[[Body], object]]:
        """Return the buttons that choose what the audience's page shows."""
        audience = self.audience
        return {
            "show": lambda body: audience.show(body.get("what")),
            "show-lines": self._show_lines,
            "theme": lambda body: audience.set_theme(body.get("theme")),
            "folder": self._list_predictions,
            "ask": self._show_prediction,
            "tell": lambda _: audience.show_answer(),
        }

    def _demo_actions(self) -> dict[str, Callable[[Body], object]]:
        """Return the buttons of the demo."""
        demo = self.demo
        return {
            "step": lambda body: demo.choose(body.get("step")),
            "stopwatch": lambda _: demo.restart(),
            "play": lambda _: self._play_current_step(),
        }

    def do(self, action: str, body: Body) -> object:
        """Do one of ``actions`` and return its answer. Raises WorkshopError in one sentence."""
        if action not in self.actions:
            raise WrongUsage(f"There is no {action!r} at this desk.", f"There are {', '.join(self.actions)}.")
        with engine_errors_as_sentences():
            return self.actions[action](body)

    def play(self, step: DemoStep) -> None:
        """Do all actions of a step, in order."""
        for click in step.clicks:
            self.do(click.action, click.model_dump())

    def recorded_picture(self) -> bytes:
        """Return the recorded picture of the current step, a PNG; empty if there is none."""
        path = PICTURES / self.demo.step.picture
        return path.read_bytes() if path.is_file() else b""

    def choices(self) -> dict[str, Any]:
        """Return what does not change while the desk is open: faults, requests, the track and its lessons, the demo."""
        script = self.demo.script
        times = self.times
        last_step = script.last_step(times.course, times.track)
        demo_faults = {click.fault for step in script.steps for click in step.clicks}
        faults = [{**asdict(fault), "in_front": fault.name in demo_faults} for fault in FAULTS.values()]
        rates = RANGES["rate_per_second"]
        lessons = [{"name": name, "on_track": times.has_lesson(name)} for name in lesson_names(self._notebooks)]

        return {
            "faults": faults,
            "requests": list(REQUESTS),
            "rates": [rates[0], rates[-1]],
            "track": times.track,
            "day": [asdict(part) for part in times.planned()],
            "lessons": lessons,
            "when": f"{script.when} On the track {times.track} it ends with step {last_step}.",
            "steps": [self._step_data(step) for step in script.steps],
            "last_step": last_step,
        }

    def state(self) -> dict[str, Any]:
        """Return the state of load, faults, services, job, demo and audience."""
        controller = self.controller
        with engine_errors_as_sentences():
            self.demo.look(controller)
            return {
                "load": controller.load_generator.state(),
                "active_faults": controller.active_faults.active_rows(),
                "services": controller.services(),
                "job": asdict(controller.job) if controller.job else None,
                "demo": self.demo.state(),
                "audience": self.audience.state(),
                "problems": controller.active_faults.problems,
            }

    @property
    def _notebooks(self) -> Path:
        return self.controller.stack.root / "notebooks"

    def _inject_fault(self, body: Body) -> None:
        """Inject the fault that the body describes. Raises WrongUsage for values of other types."""
        parameters = body.get("parameters") or {}
        seconds = body.get("seconds")
        if not isinstance(parameters, dict) or not isinstance(seconds, int | float | None):
            raise WrongUsage("Those are no parameters of a fault, or no duration.", "Correct it and click again.")
        self.controller.inject(_require_text(body, "fault"), _require_text(body, "target"), parameters, seconds)

    def _show_lines(self, body: Body) -> None:
        lines = self.controller.lines_of(_require_text(body, "request_id"))
        self.audience.show_lines(lines)

    def _list_predictions(self, body: Body) -> dict[str, Any]:
        """Return the predictions in a folder of progress files, each with its question and how many made it."""
        questions = load_all_questions(self._notebooks)
        people_by_prediction = Counter[str]()
        for person_guesses in guesses_in(_require_folder(body)):
            people_by_prediction.update(person_guesses.keys())

        return {
            name: {"people": people, "question": questions[name].question}
            for name, people in sorted(people_by_prediction.items())
            if name in questions
        }

    def _show_prediction(self, body: Body) -> None:
        """Show pasted counts, or the guesses of a ``prediction`` in a folder of progress files."""
        if "counts" in body:
            counts = GuessCounts.of_text(_require_text(body, "question"), _require_text(body, "counts"))
        else:
            counts = self._count_guesses(_require_text(body, "prediction"), body)
        self.audience.show_prediction(lambda: counts)

    def _count_guesses(self, prediction: str, body: Body) -> GuessCounts:
        """Return the counts of a prediction in a folder of progress files. Raises WrongUsage for an unknown one."""
        questions = load_all_questions(self._notebooks)
        if prediction not in questions:
            raise WrongUsage(f"There is no prediction {prediction!r}.", "Choose one from the list.")

        answers = []
        for person_guesses in guesses_in(_require_folder(body)):
            guess = person_guesses.get(prediction)
            if guess is not None:
                answers.append(GivenAnswer(guess.choice, guess.actual or ""))
        return GuessCounts.of_guesses(answers, questions[prediction])

    def _play_current_step(self) -> None:
        """Do the clicks of the demo's current step; it is done unless another one was chosen meanwhile."""
        step = self.demo.step
        self.demo.begin_step()
        self.play(step)
        self.demo.done = self.demo.step is step

    def _load_notes(self, body: Body) -> dict[str, Any]:
        """Return the minutes of a lesson and its instructor's notes, cell by cell, as HTML, on the desk's track."""
        lesson = find_lesson(_require_text(body, "lesson"), self._notebooks)
        return notes.load_page(lesson, self.controller.stack.root, self.times).as_data()

    def _step_data(self, step: DemoStep) -> dict[str, Any]:
        """Return a step as plain data; the picture is "" where none was recorded."""
        has_picture = (PICTURES / step.picture).is_file()
        return {
            **step.model_dump(include={"number", "title", "minutes", "say", "note"}),
            "clicks": [str(click) for click in step.clicks],
            "expectations": [str(expectation) for expectation in step.expectations],
            "picture": step.picture if has_picture else "",
        }


def _require_text(body: Body, name: str) -> str:
    """Return the text with this name in the body. Raises WrongUsage without one."""
    value = body.get(name)
    if not isinstance(value, str):
        raise WrongUsage(f"{name} is missing.", "Fill it in and click again.")
    return value


def _require_folder(body: Body) -> Path:
    return Path(_require_text(body, "folder")).expanduser()
