"""Live outputs of a notebook by name, and progress bars."""

from __future__ import annotations

from collections.abc import Callable
from html import escape

from IPython.display import DisplayHandle, display

from workshop_kit.display.rendered import Rendered
from workshop_kit.reporting import Step


class LiveOutputs:
    """The live outputs of one notebook, by name: showing a name again ends its former output."""

    def __init__(self, *, headless: bool = False) -> None:
        self.headless = headless
        self._stops_by_name: dict[str, Callable[[], None]] = {}

    def replace(self, name: str, stop: Callable[[], None]) -> None:
        """Register an output by its name, with the function that ends it; end the former output of that name."""
        if self._stops_by_name.get(name) != stop:
            self.end(name)
        self._stops_by_name[name] = stop

    def end(self, name: str) -> None:
        """End the output of that name, if there is one."""
        stop = self._stops_by_name.pop(name, None)
        if stop is not None:
            stop()

    def stop(self) -> None:
        """End all live outputs."""
        for name in list(self._stops_by_name):
            self.end(name)


class NotebookReport:
    """A ``Report`` that draws below the running cell: one line for each task, updated in place."""

    def __init__(self) -> None:
        self._handles_by_task: dict[str, DisplayHandle | None] = {}  # None outside of a notebook

    def __call__(self, step: Step) -> None:
        """Draw one step; a task that is done at once, and has no detail, is not drawn."""
        rendered = step_html(step)
        if step.task in self._handles_by_task:
            handle = self._handles_by_task[step.task]
            if handle is not None:
                handle.update(rendered)  # type: ignore[no-untyped-call]
        elif step.detail or not step.done:
            self._handles_by_task[step.task] = display(rendered, display_id=True)  # type: ignore[no-untyped-call]


def step_html(step: Step) -> Rendered:
    """Return a step as a labeled progress bar, or as a line with a check mark once it is done."""
    if step.done:
        text = f"✓ {step.task} {step.detail}".strip()
        return Rendered(f"<div>{escape(text)}</div>", text)
    text = f"{step.task}: {step.detail}"
    value = f' value="{step.fraction:.3f}"' if step.fraction is not None else ""
    bar = f'<progress{value} max="1" aria-label="{escape(step.task)}"></progress>'
    return Rendered(f"<div>{bar} {escape(text)}</div>", text)
