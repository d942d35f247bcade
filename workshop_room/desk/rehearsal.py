"""A rehearsal of the demo at an open desk: each step is done, and all that is said must be seen."""

from __future__ import annotations

import operator
import time
from dataclasses import dataclass

import pandas as pd

from workshop_kit.errors import WorkshopError
from workshop_kit.patience import wait_for
from workshop_kit.reporting import Report, Step, silent
from workshop_room.desk.controller import Controller
from workshop_room.desk.demo import DemoStep, Script, measure
from workshop_room.desk.presenter_api import PresenterApi

POLL_SECONDS = 0.5


@dataclass(frozen=True)
class StepResult:
    """How a step went: ``seconds`` until everything was seen, ``minutes`` that a presenter needs.

    ``problem`` is one sentence on what was not seen, or "".
    """

    title: str
    minutes: float
    seconds: float
    problem: str = ""

    def __str__(self) -> str:
        if self.problem:
            return f"✗ {self.title}: {self.problem}"
        return f"✓ {self.title}: seen after {self.seconds:.1f} s, {self.minutes:g} min on stage"


def rehearse(script: Script, desk: PresenterApi, report: Report = silent) -> list[StepResult]:
    """Do every step at an open desk, in order; a failed step does not stop the others."""
    results = []
    for number, step in enumerate(script.steps):
        report(Step("Demo", number / len(script.steps), step.title))
        results.append(_rehearse_step(step, desk))
    report(Step("Demo", 1.0, done=True))
    return results


def _rehearse_step(step: DemoStep, desk: PresenterApi) -> StepResult:
    """Do a step, wait until it is seen, and return how it went; an error becomes the result's problem."""
    began = time.monotonic()
    try:
        desk.play(step)
        problem = _wait_until_seen(step, desk.controller)
    except WorkshopError as error:
        problem = str(error)
    return StepResult(step.title, step.minutes, time.monotonic() - began, problem)


def _wait_until_seen(step: DemoStep, controller: Controller) -> str:
    """Wait until all that is said holds at once; return "", or a sentence on what was not seen in time."""
    since = pd.Timestamp.now(tz="UTC")
    began = time.monotonic()

    def unmet() -> list[str]:
        return step.unmet(measure(controller, since, reads_log=step.reads_log))

    problems = wait_for(unmet, step.within_seconds, until=operator.not_, pause_seconds=POLL_SECONDS)
    if not problems:
        return ""

    waited_seconds = time.monotonic() - began
    return f"After {waited_seconds:.0f} s this was not seen: {'; '.join(problems)}."
