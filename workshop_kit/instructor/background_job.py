"""Long work that a button begins and a page watches: one at a time, in a thread of its own."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from workshop_kit.errors import WorkshopError
from workshop_kit.instructor.engine_errors import engine_needed
from workshop_kit.progress import Report, Step


@dataclass(frozen=True)
class Working:
    """How far it is: ``fraction`` from 0 to 1, or None while nobody knows; ``outcome`` and ``problem`` at its end."""

    title: str
    detail: str = ""
    fraction: float | None = None
    runs: bool = True
    outcome: str = ""
    problem: str = ""


class Work:
    """``now`` is what is being done, or was done last."""

    def __init__(self) -> None:
        self.now: Working | None = None
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    @property
    def runs(self) -> bool:
        """Whether something is being done."""
        return self.now is not None and self.now.runs

    def begin(self, title: str, job: Callable[[Report], str]) -> None:
        """Begin a job, which says in the end what came of it. Raises WorkshopError while another is at it."""
        with self._lock:
            if self.runs:
                raise WorkshopError("Something else is being done just now.", "Wait until it is ready.")
            self.now = Working(title)
            self._thread = threading.Thread(target=self._do, args=(title, job), name="desk: work", daemon=True)
            self._thread.start()

    def wait(self, seconds: float | None = None) -> None:
        """Wait until it is ready, at most so long."""
        if self._thread is not None:
            self._thread.join(seconds)

    def _do(self, title: str, job: Callable[[Report], str]) -> None:
        def report(step: Step) -> None:
            self.now = Working(title, f"{step.task}: {step.detail}".removesuffix(": "), step.fraction)

        ended: dict[str, Any] = {"problem": "It ended in an error that nobody expected; the terminal has it."}
        try:
            with engine_needed():
                ended = {"outcome": job(report)}
        except WorkshopError as error:
            ended = {"problem": str(error)}
        finally:
            self.now = Working(title, fraction=1.0, runs=False, **ended)
