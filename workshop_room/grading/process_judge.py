"""Judge each submission in a process of its own, which is ended if it gives no grade in time, or takes much memory."""

from __future__ import annotations

import contextlib
import os
import queue
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import mkdtemp
from typing import IO

import psutil
from filelock import FileLock, Timeout
from pydantic import TypeAdapter, ValidationError

from workshop_kit.engine import reach
from workshop_kit.engine.cleanup import CleanupResult
from workshop_kit.engine.reach import Engine
from workshop_kit.host import GIB
from workshop_kit.paths import CHECKOUT
from workshop_kit.patience import patient
from workshop_kit.reporting import Report, Step
from workshop_kit.workspace import provision
from workshop_room.grading.grade import Grade, Outcome, one_line
from workshop_room.grading.submission import Submission
from workshop_room.grading.worker import Job

WORKER = (sys.executable, "-P", "-m", "workshop_room.grading.worker")
GRADE_SECONDS = 480.0
"""The longest that a worker may take for a grade, with its stack: it is ended then."""
END_SECONDS = 60.0
"""How long a worker may take to remove what it made, before it is killed and its reaper does that."""
MOST_MEMORY_BYTES = 2 * GIB
"""A worker that takes more is ended: it keeps the output of the participant's program until the check ends."""
MOST_FAILURES = 3
"""After so many workers that gave no grade, the rest of a submission is not judged."""
LOOK_SECONDS = 0.5
LAST_BYTES = 600
FOLDER = "work-"
GRADE: TypeAdapter[Grade] = TypeAdapter(Grade)


@dataclass
class ProcessJudge:
    """Starts a worker for each submission, and another one where it ended before its time.

    ``folder`` is where workers have their workspaces. ``require_engine`` is called when a worker failed; it raises
    NotReady where that is no fault of the submission.
    """

    folder: Path
    require_engine: Callable[[], object] = reach.connect
    build_options: Sequence[str] = ()
    command: Sequence[str] = WORKER
    grade_seconds: float = GRADE_SECONDS
    end_seconds: float = END_SECONDS

    def __call__(self, submission: Submission, exercises: Sequence[str], report: Report) -> Iterator[Grade]:
        """Yield one grade for each of the exercises, in their order. Raises NotReady without an engine."""
        remaining = list(exercises)
        failures = 0

        while remaining:
            if failures == MOST_FAILURES:
                reason = "The workers before this exercise ended too early."
                yield from (_not_judged(submission, name, reason) for name in remaining)
                return

            with self._worker(submission, remaining) as worker:
                reason = yield from _grades_of(worker, submission, remaining, report)
            if reason:
                self.require_engine()
                failures += 1
                yield _not_judged(submission, remaining.pop(0), f"{reason} {worker.last_words()}")

    @contextlib.contextmanager
    def _worker(self, submission: Submission, exercises: list[str]) -> Iterator[_Worker]:
        """Start a worker; end it at the end of the block, and remove its folder if it has removed all that it made."""
        self.folder.mkdir(parents=True, exist_ok=True)
        worker_folder = Path(mkdtemp(prefix=FOLDER, dir=self.folder))
        job = Job.of(submission, exercises, worker_folder / "workspace", self.build_options).model_dump_json().encode()
        with (worker_folder / "log").open("w+b") as log:
            process = subprocess.Popen(
                list(self.command),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                cwd=CHECKOUT,
                env={**os.environ, "PYTHONPATH": str(CHECKOUT)},
                start_new_session=True,  # Ctrl-C reaches this process, which ends the worker once
            )
            worker = _Worker(process, worker_folder / "log", self.grade_seconds, len(exercises))
            try:
                worker.send(job)
                yield worker
            finally:
                was_killed = worker.end(self.end_seconds)
        if not was_killed:
            shutil.rmtree(worker_folder, ignore_errors=True)


class _Worker:
    """A running worker; a thread reads its lines, so that a wait for one can end."""

    def __init__(self, process: subprocess.Popen[bytes], log: Path, grade_seconds: float, expected: int) -> None:
        self._process = process
        self._log = log
        self._grade_seconds = grade_seconds
        self._expected = expected
        self._log_end = ""
        self._lines: queue.Queue[bytes] = queue.Queue()
        assert process.stdout is not None  # noqa: S101 - it is a pipe
        threading.Thread(target=self._read, args=(process.stdout,), daemon=True).start()

    def _read(self, stdout: IO[bytes]) -> None:
        for line in stdout:
            self._lines.put(line)
        self._lines.put(b"")

    def send(self, job: bytes) -> None:
        """Hand over the job; a worker that has ended already is seen when its first grade is missing."""
        assert self._process.stdin is not None  # noqa: S101 - it is a pipe
        with contextlib.suppress(BrokenPipeError), self._process.stdin as stdin:
            stdin.write(job)

    def next_grade(self) -> tuple[Grade | None, str]:
        """Return the next grade, or the reason why there is none."""
        began = time.monotonic()
        while time.monotonic() - began < patient(self._grade_seconds):
            has_ended = self._process.poll() is not None  # a process that it left may hold its output open
            with contextlib.suppress(queue.Empty):
                line = self._lines.get(timeout=LOOK_SECONDS)
                return self._parse(line)
            if has_ended:
                return None, "The worker ended."
            if self._memory_bytes() > MOST_MEMORY_BYTES:
                return None, f"The worker took more than {MOST_MEMORY_BYTES / GIB:g} GiB of memory."

        return None, f"There was no grade after {time.monotonic() - began:.0f} s."

    def _memory_bytes(self) -> int:
        """Return how much memory the worker has; 0 once it has ended."""
        try:
            return int(psutil.Process(self._process.pid).memory_info().rss)
        except psutil.Error:
            return 0

    def _parse(self, line: bytes) -> tuple[Grade | None, str]:
        if not line:
            return None, "The worker ended."
        try:
            grade = GRADE.validate_json(line)
        except ValidationError:
            return None, "The worker gave no grade."
        self._expected -= 1
        return grade, ""

    def end(self, within_seconds: float) -> bool:
        """Wait for the end of a worker that has given all grades, and end any other by SIGTERM.

        Either removes what it made. Return whether it took too long, and had to be killed.
        """
        if self._expected:
            self._process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(timeout=patient(within_seconds))
        was_killed = self._process.poll() is None
        if was_killed:
            self._process.kill()
            self._process.wait()

        with contextlib.suppress(ProcessLookupError, PermissionError):  # no process is left, as it should be
            os.killpg(self._process.pid, signal.SIGTERM)  # the builder of a killed worker would build on
        self._log_end = self._log.read_bytes()[-LAST_BYTES:].decode(errors="replace")
        return was_killed

    def last_words(self) -> str:
        """Return the last line of the log of a worker that has ended."""
        lines = [line for line in self._log_end.splitlines() if line.strip()]
        return lines[-1] if lines else ""


def _grades_of(
    worker: _Worker, submission: Submission, remaining: list[str], report: Report
) -> Generator[Grade, None, str]:
    """Yield a worker's grades, and take their exercises out of ``remaining``; return why one is missing, or ""."""
    while remaining:
        report(Step("Grade", None, f"{submission.shown_name}: {remaining[0]}"))
        grade, reason = worker.next_grade()
        if grade is None:
            return reason
        if grade.exercise != remaining[0]:
            return "The worker gave another grade."

        remaining.pop(0)
        yield grade

    return ""


def _not_judged(submission: Submission, exercise: str, reason: str) -> Grade:
    return Grade(submission.digest, exercise, Outcome.NOT_JUDGED, one_line(reason))


def remove_leftovers(folder: Path, engine: Engine) -> None:
    """Remove what killed workers have left, in the engine and below ``folder``; one that still runs is left alone."""
    for worker_folder in folder.glob(f"{FOLDER}*"):
        cleanup = CleanupResult()
        provision.remove_tours(worker_folder, engine, {"kernel", "workspace"}, cleanup)
        lock = FileLock(provision.lock_path(worker_folder / "workspace"))
        with contextlib.suppress(Timeout), lock.acquire(timeout=0):
            if not cleanup.left:
                shutil.rmtree(worker_folder, ignore_errors=True)
