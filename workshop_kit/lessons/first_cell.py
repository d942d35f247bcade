"""A progress bar for the libraries that a lesson's first cell imports: that takes seconds on a busy machine."""

from __future__ import annotations

import importlib
from typing import Any

from workshop_kit.reporting import Step

KIT = "workshop_kit.lessons.lesson"
LIBRARIES = ("pandas", "matplotlib.pyplot", KIT)


def load_ipython_extension(shell: Any) -> None:
    """Load the libraries once a cell begins that imports the kit; the workshop's kernel loads this module."""

    def load(info: Any) -> None:
        if KIT in info.raw_cell:
            shell.events.unregister("pre_run_cell", load)
            load_libraries()

    shell.events.register("pre_run_cell", load)


def load_libraries() -> None:
    """Import the libraries, and show which one is being imported."""
    from workshop_kit.display.live import NotebookReport

    report = NotebookReport()
    for number, library in enumerate(LIBRARIES):
        report(Step("Libraries", number / len(LIBRARIES), library))
        importlib.import_module(library)
    report(Step("Libraries", 1.0, done=True))
