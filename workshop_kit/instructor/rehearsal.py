"""The rehearsal of the demo: click every step, wait for what will be seen, and record its picture."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from workshop_kit.errors import WorkshopError
from workshop_kit.files import write_atomically
from workshop_kit.instructor.controller import Controller
from workshop_kit.instructor.presenter_api import PresenterApi
from workshop_kit.instructor.script import DemoStep, Expectation, Script, as_page
from workshop_kit.progress import Report, Step, silent

POLL_SECONDS = 0.5
RECORDED_SECONDS = 60.0
PAGE = "README.md"


@dataclass(frozen=True)
class StepResult:
    """How a step went: ``seconds`` until everything was seen, ``minutes`` that a presenter needs.

    ``problem`` is one sentence on what was not seen, or "".
    """

    id: str
    title: str
    minutes: float
    seconds: float
    problem: str = ""

    def __str__(self) -> str:
        if self.problem:
            return f"✗ {self.id}: {self.problem}"
        return f"✓ {self.id}: seen after {self.seconds:.1f} s, {self.minutes:g} min on stage: {self.title}"


def rehearse(
    controller: Controller, script: Script, report: Report = silent, *, pictures: Path | None = None
) -> list[StepResult]:
    """Do every step with an open controller, in order; a failed step does not stop the others.

    ``pictures``: write a picture of each successful step and an index to this folder, and delete other pictures.
    """
    api, results = PresenterApi(controller, script), []
    for step in script.steps:
        report(Step("Demo", (step.number - 1) / len(script.steps), step.title))
        result = _rehearse(api, step)
        if pictures is not None and not result.problem:
            time.sleep(step.look_seconds)
            write_atomically(pictures / step.picture, _draw(controller).encode())
        results.append(result)
    if pictures is not None:
        names = [step.picture for step in script.steps]
        for path in pictures.glob("*.svg"):
            if path.name not in names:
                path.unlink()
        write_atomically(pictures / PAGE, as_page(script).encode())
    report(Step("Demo", 1.0, done=True))
    return results


def _draw(controller: Controller) -> str:
    """Draw what the room is shown: the lines of a request, else the clock."""
    lines = controller.audience.lines
    if controller.audience.shows == "lines" and lines is not None:
        return lines.svg(alone=True)
    return controller.draw(seconds=RECORDED_SECONDS, alone=True)


def _rehearse(api: PresenterApi, step: DemoStep) -> StepResult:
    began, since = time.monotonic(), pd.Timestamp.now(tz="UTC")
    try:
        api.play(step)
        problem = _wait(api.controller, step, since)
    except WorkshopError as error:
        problem = str(error)
    return StepResult(step.id, step.title, step.minutes, time.monotonic() - began, problem)


def _wait(controller: Controller, step: DemoStep, since: pd.Timestamp) -> str:
    """Wait until everything is seen at once; return a sentence on what is not when the time is over."""
    deadline = time.monotonic() + step.within_seconds
    while missing := _missing(controller, step.expectations, since):
        if time.monotonic() > deadline:
            return f"After {step.within_seconds:g} s this was not seen: {'; '.join(missing)}."
        time.sleep(POLL_SECONDS)
    return ""


def _missing(controller: Controller, expectations: Sequence[Expectation], since: pd.Timestamp) -> list[str]:
    tables, lines = controller.tables(), controller.lines()
    found = [(one, one.found(tables, lines, since)) for one in expectations]
    return [f"{one} (it is {value})" for one, value in found if not one.fits(value)]
