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

from workshop_kit import provision
from workshop_kit.engine import reach
from workshop_kit.engine.cleanup import CleanupResult
from workshop_kit.engine.reach import Engine
from workshop_kit.host import GIB
from workshop_kit.paths import CHECKOUT
from workshop_kit.patience import patient
from workshop_kit.reporting import Report, Step
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
    """Starts a worker for each submission, and another one if it ends before it has given all grades.

    ``folder`` is where workers have their workspaces. ``check_engine`` is called when a worker failed; it raises
    NotReady if the reason is the engine, and not the submission.
    """

    folder: Path
    check_engine: Callable[[], object] = reach.connect
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
                for name in remaining:
                    yield _not_judged_grade(submission, name, reason)
                return

            with self._run_worker(submission, remaining) as worker:
                remaining, reason = yield from _grades_of(worker, submission, remaining, report)
            if reason:
                self.check_engine()
                failures += 1
                failed_exercise, *remaining = remaining
                yield _not_judged_grade(submission, failed_exercise, f"{reason} {worker.last_words()}")

    @contextlib.contextmanager
    def _run_worker(self, submission: Submission, exercises: list[str]) -> Iterator[_Worker]:
        """Yield a worker that has got its job, and end it at the end of the block.

        Its folder is removed then, unless the worker was killed: the folder leads to what it has not removed.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        worker_folder = Path(mkdtemp(prefix=FOLDER, dir=self.folder))
        log_path = worker_folder / "log"
        job = Job.of(submission, exercises, worker_folder / "workspace", self.build_options)
        job_data = job.model_dump_json().encode()
        with log_path.open("w+b") as log:
            process = subprocess.Popen(
                list(self.command),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                cwd=CHECKOUT,
                env={**os.environ, "PYTHONPATH": str(CHECKOUT)},
                start_new_session=True,  # Ctrl-C reaches this process, which ends the worker once
            )
            worker = _Worker(process, log_path, self.grade_seconds, len(exercises))
            try:
                worker.send(job_data)
                yield worker
            finally:
                was_killed = worker.end(self.end_seconds)
        if not was_killed:
            shutil.rmtree(worker_folder, ignore_errors=True)


class _Worker:
    """A running worker, of which ``grade_count`` grades are expected.

    A thread reads its lines, so that a wait for a line can end before the line comes.
    """

    def __init__(self, process: subprocess.Popen[bytes], log: Path, grade_seconds: float, grade_count: int) -> None:
        self._process = process
        self._log = log
        self._grade_seconds = grade_seconds
        self._missing_grades = grade_count
        self._log_end = ""
        self._lines: queue.Queue[bytes] = queue.Queue()
        assert process.stdout is not None  # noqa: S101 - it is a pipe
        threading.Thread(target=self._read_lines, args=(process.stdout,), daemon=True).start()

    def _read_lines(self, stdout: IO[bytes]) -> None:
        """Put each line of the worker into the queue, and an empty one at the end of its output."""
        for line in stdout:
            self._lines.put(line)
        self._lines.put(b"")

    def send(self, job: bytes) -> None:
        """Write the job to the worker. If the worker has ended already, `next_grade` says so."""
        assert self._process.stdin is not None  # noqa: S101 - it is a pipe
        with contextlib.suppress(BrokenPipeError), self._process.stdin as stdin:
            stdin.write(job)

    def next_grade(self) -> tuple[Grade | None, str]:
        """Return the next grade, or the reason why there is none."""
        began = time.monotonic()
        while time.monotonic() - began < patient(self._grade_seconds):
            has_ended = self._process.poll() is not None  # a process that it left may hold its output open
            try:
                line = self._lines.get(timeout=LOOK_SECONDS)
            except queue.Empty:
                if has_ended:
                    return None, "The worker ended."
                if self._memory_bytes() > MOST_MEMORY_BYTES:
                    return None, f"The worker took more than {MOST_MEMORY_BYTES / GIB:g} GiB of memory."
            else:
                return self._parse_line(line)

        return None, f"There was no grade after {time.monotonic() - began:.0f} s."

    def _memory_bytes(self) -> int:
        """Return how much memory the worker has; 0 once it has ended."""
        try:
            return int(psutil.Process(self._process.pid).memory_info().rss)
        except psutil.Error:
            return 0

    def _parse_line(self, line: bytes) -> tuple[Grade | None, str]:
        """Return the grade in a line and count it, or return the reason why there is none."""
        if not line:
            return None, "The worker ended."
        try:
            grade = GRADE.validate_json(line)
        except ValidationError:
            return None, "The worker gave no grade."
        self._missing_grades -= 1
        return grade, ""

    def end(self, within_seconds: float) -> bool:
        """Wait for the end of a worker that has given all grades; send SIGTERM to any other first.

        In both cases the worker removes what it made. Return whether that took too long and the worker was killed.
        """
        if self._missing_grades:
            self._process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(timeout=patient(within_seconds))
        was_killed = self._process.poll() is None
        if was_killed:
            self._process.kill()
            self._process.wait()

        with contextlib.suppress(ProcessLookupError, PermissionError):  # no process is left, as it should be
            os.killpg(self._process.pid, signal.SIGTERM)  # the builder of a killed worker would build on
        log_data = self._log.read_bytes()
        self._log_end = log_data[-LAST_BYTES:].decode(errors="replace")
        return was_killed

    def last_words(self) -> str:
        """Return the last line of the log of a worker that has ended."""
        lines = [line for line in self._log_end.splitlines() if line.strip()]
        return lines[-1] if lines else ""


def _grades_of(
    worker: _Worker, submission: Submission, exercises: list[str], report: Report
) -> Generator[Grade, None, tuple[list[str], str]]:
    """Yield a worker's grades of the exercises, in their order, until one is missing.

    Returns the exercises without a grade, and why the first of them has none; if all have one, an empty list and "".
    """
    for position, exercise in enumerate(exercises):
        report(Step("Grade", None, f"{submission.shown_name}: {exercise}"))
        grade, reason = worker.next_grade()
        if grade is None:
            return exercises[position:], reason
        if grade.exercise != exercise:
            return exercises[position:], "The worker gave another grade."
        yield grade

    return [], ""


def _not_judged_grade(submission: Submission, exercise: str, reason: str) -> Grade:
    return Grade(submission.digest, exercise, Outcome.NOT_JUDGED, one_line(reason))


def remove_leftovers(folder: Path, engine: Engine) -> None:
    """Remove what killed workers have left in the engine and below ``folder``.

    The folder of a worker that still runs stays.
    """
    for worker_folder in folder.glob(f"{FOLDER}*"):
        cleanup = CleanupResult()
        provision.remove_tours(worker_folder, engine, {"kernel", "workspace"}, cleanup)
        lock = FileLock(provision.lock_path(worker_folder / "workspace"))
        with contextlib.suppress(Timeout), lock.acquire(timeout=0):
            if not cleanup.left:
                shutil.rmtree(worker_folder, ignore_errors=True)
