"""What the desk does in the background: one long job at a time; and engine errors as one sentence."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from docker.errors import APIError, DockerException
from requests.exceptions import RequestException

from workshop_kit.engine.reach import engine_reason
from workshop_kit.errors import WorkshopError
from workshop_kit.observe.engine_api import EngineUnavailable
from workshop_kit.progress import Report, Step


@contextlib.contextmanager
def engine_needed() -> Iterator[None]:
    """Raise one sentence instead of the SDK's errors: what the engine refuses, or that it does not answer."""
    try:
        yield
    except APIError as error:
        raise WorkshopError(
            f"The Docker engine refused: {engine_reason(error)}.", "Click again in a moment."
        ) from error
    except (DockerException, RequestException, ConnectionError, TimeoutError) as error:
        raise EngineUnavailable from error


@dataclass(frozen=True)
class JobState:
    """How far a job is: ``text`` is its step, or its result; ``fraction`` from 0 to 1, or None if unknown."""

    text: str
    fraction: float | None = None
    runs: bool = True


class BackgroundJob:
    """Runs one long job at a time in a thread; ``state`` is that of the running or the last job."""

    def __init__(self) -> None:
        self.state: JobState | None = None
        self._thread: threading.Thread | None = None

    def require_idle(self) -> None:
        """Raise WorkshopError while a job runs."""
        if self.state is not None and self.state.runs:
            raise WorkshopError("A checkpoint job is running.", "Wait until it is ready.")

    def start(self, title: str, job: Callable[[Report], str]) -> None:
        """Start a job, which returns its result as a sentence. One thread at a time may call it."""
        self.require_idle()
        self.state = JobState(title)
        self._thread = threading.Thread(target=self._run, args=(title, job), name="desk: job", daemon=True)
        self._thread.start()

    def wait(self, seconds: float) -> None:
        """Wait until the job has ended, at most so many seconds."""
        if self._thread is not None:
            self._thread.join(seconds)

    def _run(self, title: str, job: Callable[[Report], str]) -> None:
        def report(step: Step) -> None:
            self.state = JobState(f"{title}. {step.task}: {step.detail}".removesuffix(": "), step.fraction)

        text = "It ended with an unexpected error; the terminal shows it."
        try:
            with engine_needed():
                text = job(report)
        except WorkshopError as error:
            text = str(error)
        finally:
            self.state = JobState(text, 1.0, runs=False)
