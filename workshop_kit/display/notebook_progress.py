"""Progress in a notebook: a bar for each task, and a line once it is done."""

from __future__ import annotations

from html import escape
from typing import Any

from IPython.display import display

from workshop_kit.display.rendered import Rendered
from workshop_kit.progress import Step


class NotebookReport:
    """A ``Report`` that draws below the running cell: one line for each task, updated in place."""

    def __init__(self) -> None:
        self._lines: dict[str, Any] = {}

    def __call__(self, step: Step) -> None:
        """Draw one step."""
        shown = step_html(step)
        if (line := self._lines.get(step.task)) is not None:  # outside of a notebook there is none to update
            line.update(shown)
        elif step.task not in self._lines and (not step.done or step.detail):
            self._lines[step.task] = display(shown, display_id=True)  # type: ignore[no-untyped-call]


def step_html(step: Step) -> Rendered:
    """Return a step as a labeled progress bar, or as a line with a check mark once it is done."""
    if step.done:
        text = f"✓ {step.task} {step.detail}".strip()
        return Rendered(f"<div>{escape(text)}</div>", text)
    text = f"{step.task}: {step.detail}"
    value = f' value="{step.fraction:.3f}"' if step.fraction is not None else ""
    bar = f'<progress{value} max="1" aria-label="{escape(step.task)}"></progress>'
    return Rendered(f"<div>{bar} {escape(text)}</div>", text)
