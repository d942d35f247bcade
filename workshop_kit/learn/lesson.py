"""The handle a notebook holds: `lesson("00_start")` in its first cell gives it all a lesson needs."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from workshop_kit.learn.predictions import Prediction, predict
from workshop_kit.learn.progress import Progress
from workshop_kit.learn.workspace import Workspace, find_workspace
from workshop_kit.show.map import system_map
from workshop_kit.show.shown import Shown

HEADLESS = "WORKSHOP_HEADLESS"
"""Set to 1 where nobody sits in front of the notebook: the tour, tests."""


@dataclass(frozen=True)
class Lesson:
    """One lesson as its notebook uses it."""

    name: str
    workspace: Workspace
    progress: Progress
    headless: bool = False

    # The engine and the stack come here: handles made in `lesson`, passed in, used by methods.

    def map(self, *lit: str) -> Shown:
        """Return the map of the whole system with ``lit`` (node ids) as today's protagonists."""
        return system_map(set(lit))

    def predict(self, name: str, question: str, choices: Mapping[str, str]) -> Prediction:
        """Ask before an experiment; the guess is kept under ``lesson.name``. See `predictions.predict`."""
        return predict(f"{self.name}.{name}", question, choices, progress=self.progress, headless=self.headless)


def lesson(name: str) -> Lesson:
    """Return the handle of lesson ``name``. Raises NotReady outside a workspace."""
    workspace = find_workspace(Path.cwd(), dict(os.environ))
    return Lesson(name, workspace, Progress(workspace.progress_path), os.environ.get(HEADLESS) == "1")
