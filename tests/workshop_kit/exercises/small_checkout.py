"""A small checkout of its own: two lessons, an exercise in a file and one in the notebook."""

from __future__ import annotations

import json
from collections.abc import Callable

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


def notebook(*cells: dict[str, object]) -> str:
    """A notebook as we commit it."""
    document = {"cells": list(cells), "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    return json.dumps(document, indent=1, ensure_ascii=False) + "\n"


def code_cell(identifier: str, source: str) -> dict[str, object]:
    """A code cell without outputs, its source as a list of lines."""
    return {
        "cell_type": "code",
        "execution_count": None,
        "id": identifier,
        "metadata": {},
        "outputs": [],
        "source": source.splitlines(keepends=True),
    }
