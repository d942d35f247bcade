"""The presenter's side: what there is to click, what is going on, and what each click does. Plain data in and out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from workshop_kit.errors import WrongUsage
from workshop_kit.faults.catalog import FAULTS, Fault, Parameter
from workshop_kit.faults.load import RANGES
from workshop_kit.instructor import prediction_counts
from workshop_kit.instructor.active_faults import InForce
from workshop_kit.instructor.controller import Stage
from workshop_kit.instructor.engine_errors import engine_needed
from workshop_kit.instructor.load_generator import REQUESTS
from workshop_kit.instructor.script import PICTURES, Click, Script, Step
from workshop_kit.lessons.predictions import load_all_questions
from workshop_kit.screen import visible

Body = Mapping[str, Any]


class Presenting:
    """The desk of one presenter. ``do`` is what a button does; ``state`` what the page asks for every second."""

    def __init__(self, stage: Stage, script: Script, pictures: Path = PICTURES) -> None:
        self.stage, self.script, self.pictures = stage, script, pictures
        self.step = script.steps[0]
        self.actions: Mapping[str, Callable[[Body], object]] = {
            "load": lambda body: stage.load(_text(body, "request"), body.get("rate_per_second", 0)),
            "load-stop": lambda _: stage.driving.stop(),
            "fault": self._strike,
            "undo": lambda body: stage.force.undo(_text(body, "id")),
            "undo-all": lambda _: stage.undo_all(),
            "goto": lambda body: stage.go_to(_text(body, "lesson")),
            "minutes": lambda body: stage.room.countdown.set(body.get("minutes")),
            "count": lambda _: stage.room.countdown.start(),
            "hold": lambda _: stage.room.countdown.hold(),
            "set-back": lambda _: stage.room.countdown.set_back(),
            "show": lambda body: stage.room.show(body.get("what")),
            "folder": self._folder,
            "ask": self._ask,
            "tell": lambda _: stage.room.tell(),
            "step": self._choose,
            "play": lambda _: self.play(self.step),
            "find": lambda body: stage.lines_of(_text(body, "request_id")),
        }

    def do(self, action: str, body: Body) -> object:
        """Do one of ``actions`` and return what it says. Raises WorkshopError in one sentence where it cannot be."""
        if action not in self.actions:
            raise WrongUsage(f"There is no {action!r} at this desk.", f"There are {', '.join(self.actions)}.")
        with engine_needed():
            return self.actions[action](body)

    def play(self, step: Step) -> None:
        """Do all clicks of a step, one after the other."""
        for click in step.clicks:
            self.click(click)

    def click(self, click: Click) -> None:
        """Do one click of the demo."""
        if click.action == "fault":
            self.stage.strike(click.fault, click.target, click.parameters or {})
        elif click.action == "order":
            self.stage.order(click.request_id)
        elif click.action == "well":
            self.stage.wait_until_well()
        else:
            self.do(click.action, asdict(click))

    def recorded(self) -> str:
        """The recorded picture of the current step, as SVG; "" where none is there."""
        path = self.pictures / self.step.picture
        return path.read_text(encoding="utf-8") if path.is_file() else ""

    def choices(self) -> dict[str, Any]:
        """What does not change while the desk is open: faults, requests, lessons, the demo's steps."""
        lessons = sorted(path.stem for path in (self.stage.stack.root / "notebooks").glob("*.ipynb"))
        return {
            "faults": [_fault(one) for one in FAULTS.values()],
            "requests": list(REQUESTS),
            "rates": [RANGES["rate_per_second"][0], RANGES["rate_per_second"][-1]],
            "lessons": [name for name in lessons if name[:1].isdecimal()],
            "title": self.script.title,
            "steps": [self._step(step) for step in self.script.steps],
        }

    def state(self) -> dict[str, Any]:
        """What is going on now."""
        with engine_needed():
            return self._state()

    def _state(self) -> dict[str, Any]:
        stage, now = self.stage, self.stage.driving.now
        return {
            "load": asdict(now) if now else None,
            "in_force": [_in_force(one) for one in stage.force.in_force()],
            "services": [asdict(one) for one in stage.services()],
            "work": asdict(stage.work.now) if stage.work.now else None,
            "step": self.step.number,
            "minutes": stage.room.countdown.minutes,
            "room": stage.room.state(),
            "problems": [*stage.force.problems, *filter(None, [stage.driving.problem])],
        }

    def _strike(self, body: Body) -> str:
        given, seconds = body.get("parameters", {}), body.get("seconds")
        if not isinstance(given, dict) or not (seconds is None or _is_number(seconds)):
            raise WrongUsage("That is no grade of a fault, or no duration.", "Correct it and click again.")
        return self.stage.strike(_text(body, "fault"), _text(body, "target"), given, seconds)

    def _folder(self, body: Body) -> dict[str, Any]:
        """The predictions that a folder has guesses for, each with its question and how many guessed."""
        questions = load_all_questions(self.stage.stack.root / "notebooks")
        counts = prediction_counts.predictions_in(_folder_of(body))
        return {
            name: {"people": count, "question": questions[name].question if name in questions else name}
            for name, count in counts.items()
        }

    def _ask(self, body: Body) -> None:
        if "counts" in body:
            self.stage.room.ask(prediction_counts.of_text(_text(body, "question"), _text(body, "counts")))
        else:
            questions = load_all_questions(self.stage.stack.root / "notebooks")
            self.stage.room.ask(prediction_counts.of_folder(_folder_of(body), _text(body, "prediction"), questions))

    def _choose(self, body: Body) -> None:
        self.step = self.script.step(body.get("step"))

    def _step(self, step: Step) -> dict[str, Any]:
        return {
            "number": step.number,
            "title": step.title,
            "minutes": step.minutes,
            "say": " ".join(step.say.split()),
            "clicks": [str(click) for click in step.clicks],
            "sees": [str(see) for see in step.sees],
            "picture": step.picture if (self.pictures / step.picture).is_file() else "",
        }


def _fault(one: Fault) -> dict[str, Any]:
    return {"name": one.name, "does": one.does, "parameters": [_parameter(grade) for grade in one.parameters]}


def _parameter(one: Parameter) -> dict[str, Any]:
    kind = "switch" if isinstance(one.default, bool) else "whole" if isinstance(one.default, int) else "number"
    return {**asdict(one), "kind": kind}


def _in_force(one: InForce) -> dict[str, Any]:
    grade = {name: value for name, value in one.parameters.items() if value is not None}
    left = None if one.seconds_left is None else round(one.seconds_left, 1)
    since = one.since.isoformat(timespec="seconds")
    return {"id": one.id, "fault": one.fault, "target": visible(one.target), "parameters": grade} | {
        "since": since,
        "seconds_left": left,
    }


def _text(body: Body, name: str) -> str:
    value = body.get(name)
    if not isinstance(value, str):
        raise WrongUsage(f"{name} is missing.", "Fill it in and click again.")
    return value


def _folder_of(body: Body) -> Path:
    return Path(_text(body, "folder")).expanduser()


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
