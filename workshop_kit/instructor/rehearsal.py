"""The demo without a presenter: every step is clicked, what it promises is waited for, and its picture is kept."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from workshop_kit.errors import WorkshopError
from workshop_kit.instructor.controller import Stage
from workshop_kit.instructor.presenter_api import Presenting
from workshop_kit.instructor.script import Script, See, Step, as_page
from workshop_kit.progress import Report, silent
from workshop_kit.progress import Step as Moment
from workshop_kit.workspace.files import explain, write_atomically

LOOK_SECONDS = 0.5
RECORDED_SECONDS = 60.0
PAGE = "README.md"


@dataclass(frozen=True)
class StepResult:
    """How a step went. ``seconds`` is what it took until all was seen; ``minutes`` what a presenter needs for it.

    ``problem`` is "" where everything came; else one sentence on what did not.
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
    stage: Stage, script: Script, report: Report = silent, *, pictures: Path | None = None
) -> list[StepResult]:
    """Do every step on an open stage, in order, and return how each went; one that fails does not stop the rest.

    With ``pictures`` each step that went well leaves its recorded picture there, pictures of no step are removed, and
    a page has them all.
    """
    desk, results = Presenting(stage, script), []
    for step in script.steps:
        report(Moment("Demo", (step.number - 1) / len(script.steps), step.title))
        result = _rehearse(desk, step)
        if pictures is not None and not result.problem:
            time.sleep(step.look_seconds)
            _keep(pictures / step.picture, stage.drawing(seconds=RECORDED_SECONDS, alone=True))
        results.append(result)
    if pictures is not None:
        _sweep(pictures, [step.picture for step in script.steps])
        _keep(pictures / PAGE, as_page(script))
    report(Moment("Demo", 1.0, done=True))
    return results


def _rehearse(desk: Presenting, step: Step) -> StepResult:
    began, since = time.monotonic(), pd.Timestamp.now(tz="UTC")
    try:
        desk.play(step)
        problem = _wait(desk.stage, step, since)
    except WorkshopError as error:
        problem = str(error)
    seconds = time.monotonic() - began
    return StepResult(step.id, step.title, step.minutes, seconds, problem)


def _wait(stage: Stage, step: Step, since: pd.Timestamp) -> str:
    """Wait until all that is to be seen is there at once; return what is not, in a sentence, when the time is over."""
    deadline = time.monotonic() + step.within_seconds
    while missing := _missing(stage, step.sees, since):
        if time.monotonic() > deadline:
            return f"After {step.within_seconds:g} s this was not seen: {'; '.join(missing)}."
        time.sleep(LOOK_SECONDS)
    return ""


def _missing(stage: Stage, sees: Sequence[See], since: pd.Timestamp) -> list[str]:
    tables, lines = stage.tables, stage.lines
    found = [(see, see.found(tables, lines, since)) for see in sees]
    return [f"{see} (it is {value})" for see, value in found if not see.fits(value)]


def _keep(path: Path, text: str) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, text.encode())
    except OSError as error:
        raise explain(error, path) from error


def _sweep(folder: Path, wanted: Sequence[str]) -> None:
    for path in folder.glob("*.svg"):
        if path.name not in wanted:
            path.unlink()
