"""A small checkout of its own: two lessons, an exercise in a file and one in the notebook."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from workshop_kit.workspace.merge import notebook_bytes

Write = Callable[[str, str], None]

REGISTRY = """
[tracks]
90min = { minutes = 30, exercises = 2 }
full = { minutes = 90 }

[lessons]
00_start = { title = "Start", minutes = { 90min = 10, full = 30 } }
01_container = { title = "The <container>", prefix = "container", minutes = { 90min = 20, full = 60 } }

[[exercise]]
id = "container.graceful"
title = "Leave in time & in peace"
lesson = "01_container"
file = "leaving.py"
weight = "core"
minutes = 8
debrief_minutes = 2
tracks = ["90min", "full"]
guidelines = ["factor 7, Disposability", "Lifecycle Conformance"]
task = '''Let it end by itself.
Ten seconds are all it has.'''
hints = ["It does not listen.", "SIGTERM is a signal.", "Use signal.signal."]

[[exercise]]
id = "container.layer"
title = "Find the layer"
lesson = "01_container"
weight = "core"
minutes = 5
debrief_minutes = 0
tracks = ["full"]
guidelines = ["Self-Containment"]
task = "Which layer holds the bytes?"
hints = ["Look at history.", "A layer never shrinks.", "It is the second."]
"""
MARKED = """import signal

# region container.graceful
#: only the solution
signal.signal(signal.SIGTERM, lambda *_: exit(0))
#: only the starter
#| signal.signal(signal.SIGTERM, signal.SIG_IGN)
#: both
# endregion container.graceful
"""
CELLS = """task = object()
# region container.layer
#: only the solution
layer = "the second"
layer
#: only the starter
#| layer = "the biggest: ü"
#| layer
#: both

# endregion container.layer
"""


def notebook(**cells: str) -> str:
    """A notebook as we commit it: the sources of its code cells, by id with an underscore for each dash."""
    written: list[dict[str, Any]] = [
        {
            "cell_type": "code",
            "execution_count": None,
            "id": name.replace("_", "-"),
            "metadata": {},
            "outputs": [],
            "source": source.splitlines(keepends=True),
        }
        for name, source in cells.items()
    ]
    return notebook_bytes({"cells": written, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}).decode()
