"""The handle a notebook holds: `lesson("00_start")` in its first cell gives it all a lesson needs."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from workshop_kit import doctor
from workshop_kit.engine import reach
from workshop_kit.engine.containers import Running
from workshop_kit.engine.stack import Stack
from workshop_kit.learn import ready
from workshop_kit.learn.predictions import Prediction, predict
from workshop_kit.learn.progress import Progress
from workshop_kit.learn.workspace import Workspace, find_workspace
from workshop_kit.show.map import system_map
from workshop_kit.show.shown import Shown
from workshop_kit.show.tables import Line, State, status_panel
from workshop_kit.show.working import NotebookReport

HEADLESS = "WORKSHOP_HEADLESS"
"""Set to 1 where nobody sits in front of the notebook: the tour, tests."""


@dataclass(frozen=True)
class Lesson:
    """One lesson as its notebook uses it."""

    name: str
    workspace: Workspace
    progress: Progress
    stack: Stack
    headless: bool = False
    _made: dict[str, Running] = field(default_factory=dict, repr=False)

    def up(self, *services: str) -> None:
        """Bring the stack up (or the services named, with what they need) and wait until it is healthy."""
        self.stack.up(*services, report=NotebookReport())

    def lay_over(self, name: str, modules: Mapping[str, str]) -> Running:
        """Run the service once more with ``modules`` (path to text) in place of its own.

        A cell that is run again replaces the container that it started before under the same ``name``.
        """
        if name in self._made:
            self._made.pop(name).remove()
        self._made[name] = self.stack.lay_over(modules)
        return self._made[name]

    def doctor(self) -> Shown:
        """Return what ``./workshop doctor`` says of this machine, as a panel."""
        lines = [Line(found.name, State(found.state), found.detail, found.command) for found in doctor.examine()]
        return status_panel("This machine", lines)

    def map(self, *lit: str) -> Shown:
        """Return the map of the whole system with ``lit`` (node ids) as today's protagonists."""
        return system_map(set(lit))

    def predict(self, name: str, question: str, choices: Mapping[str, str]) -> Prediction:
        """Ask before an experiment; the guess is kept under ``lesson.name``. See `predictions.predict`."""
        return predict(f"{self.name}.{name}", question, choices, progress=self.progress, headless=self.headless)


def lesson(name: str) -> Lesson:
    """Return the handle of lesson ``name``, with what earlier kernels left behind swept away.

    Raises NotReady outside a workspace and without an engine.
    """
    workspace = find_workspace(Path.cwd(), dict(os.environ))
    stack = ready.stack_of(workspace, ready.session_of(workspace, reach.connect()))
    ready.sweep(stack.session)
    return Lesson(name, workspace, Progress(workspace.progress_path), stack, os.environ.get(HEADLESS) == "1")
