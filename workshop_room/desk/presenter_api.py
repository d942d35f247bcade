"""The presenter's API: what each click does, and the state. Plain data in and out."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

from workshop_kit.errors import WrongUsage
from workshop_kit.untrusted_text import visible
from workshop_room.desk.controller import Controller, engine_errors_as_sentences
from workshop_room.desk.demo import REQUEST_ID, Action, DemoStep, load_script
from workshop_room.desk.demo_progress import DemoProgress
from workshop_room.desk.log_lines import LogLine

Body = Mapping[str, Any]
LINES_SHOWN = 8
FIND_SECONDS = 0.5
"""The wait before a request is looked for: its last lines may not be written yet."""


class PresenterApi:
    """The desk of one presenter: `do` is called when a button is clicked, `state` every second by the page.

    ``lines`` are what the audience sees in place of the charts, if there are any.
    """

    def __init__(self, controller: Controller) -> None:
        self.controller = controller
        self.script = load_script()
        self.demo = DemoProgress(self.script)
        self.lines: list[LogLine] = []
        self.clicks: Mapping[str, Callable[[Body], object]] = {
            "step": lambda body: self.demo.choose(body.get("step")),
            "play": lambda _: self._play_current_step(),
            "stopwatch": lambda _: self.demo.restart(),
            "fault": lambda body: self._act(self._fault(body.get("number"))),
            "undo-all": lambda _: controller.undo_all(),
            "find": lambda body: self._find(str(body.get("request_id"))),
            "charts": lambda _: self._show_charts(),
        }

    def do(self, click: str, body: Body) -> None:
        """Do one of ``clicks``. Raises WorkshopError in one sentence."""
        if click not in self.clicks:
            raise WrongUsage(f"There is no {click!r} at this desk.", f"There are {', '.join(self.clicks)}.")
        with engine_errors_as_sentences():
            self.clicks[click](body)

    def play(self, step: DemoStep) -> None:
        """Do all actions of a step, in order; the audience sees the charts unless one finds a request."""
        self._show_charts()
        with engine_errors_as_sentences():
            for action in step.actions:
                self._act(action)

    def choices(self) -> dict[str, Any]:
        """Return what does not change while the desk is open: the steps and the faults."""
        return {
            "faults": [str(fault) for fault in self.script.faults],
            "steps": [_step_data(step) for step in self.script.steps],
        }

    def state(self) -> dict[str, Any]:
        """Return the faults in force, the progress of the demo, and how many lines the audience sees."""
        with engine_errors_as_sentences():
            self.demo.look(self.controller)
        faults = [f"{fault.fault} of {fault.target}" for fault in self.controller.active_faults()]
        return {"faults": faults, "demo": self.demo.state(), "lines": len(self.lines)}

    def audience_state(self) -> dict[str, Any]:
        """Return what the audience sees: the lines of a request, or none for the charts."""
        lines = self.lines
        request_id = visible(lines[0].request_id) if lines else ""
        return {"request_id": request_id, "lines": [line.state() for line in lines]}

    def _act(self, action: Action) -> None:
        """Do one action of the demo."""
        match action.action:
            case "load":
                self.controller.load(action.rate_per_second)
            case "fault":
                self.controller.inject(action.fault, action.target, action.parameters)
            case "undo-all":
                self.controller.undo_all()
            case "well":
                self.controller.wait_until_well()
            case "order":
                self.controller.order(REQUEST_ID)
            case "find":
                self._find(REQUEST_ID)

    def _fault(self, number: object) -> Action:
        """Return a fault by its place in the script. Raises WrongUsage."""
        faults = self.script.faults
        if not isinstance(number, int) or not 0 <= number < len(faults):
            raise WrongUsage(f"There is no fault {number!r}.", "Reload the page and click again.")
        return faults[number]

    def _show_charts(self) -> None:
        self.lines = []

    def _find(self, request_id: str) -> None:
        """Show the newest lines of a request to the audience. Raises WrongUsage if there are none."""
        time.sleep(FIND_SECONDS)
        lines = [line for line in self.controller.lines() if line.request_id == request_id]
        if not lines:
            raise WrongUsage(f"No line has the request id {request_id!r}.", "Compare the id, then find it again.")
        self.lines = lines[-LINES_SHOWN:]

    def _play_current_step(self) -> None:
        """Do the actions of the demo's current step; it is done unless another one was chosen meanwhile."""
        step = self.demo.step
        self.demo.start()
        self.play(step)
        if self.demo.step is step:
            self.demo.finish_actions()


def _step_data(step: DemoStep) -> dict[str, Any]:
    """Return a step as plain data."""
    return {
        "title": step.title,
        "minutes": step.minutes,
        "note": step.note,
        "actions": [str(action) for action in step.actions],
        "say": [{"text": sentence.text, "see": ", ".join(sentence.see)} for sentence in step.say],
    }
