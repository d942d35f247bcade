"""The process that judges one submission: a workspace and a stack of its own, removed at the end.

It runs apart from the command, which ends it if a check does not end. The job comes as JSON on stdin; each grade goes
to stdout as a line of JSON as soon as it is known. Why a worker could not go on stands in its log.
"""

from __future__ import annotations

import base64
import contextlib
import os
import shutil
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO

from pydantic import BaseModel
from pydantic_core import to_json

from workshop_kit import provision
from workshop_kit.engine import reach, reaper
from workshop_kit.errors import Exit, NotReady, WorkshopError
from workshop_kit.exercises.exercise_service import ExerciseService
from workshop_kit.files import write_atomically
from workshop_kit.paths import CHECKOUT
from workshop_kit.patience import patient
from workshop_kit.reporting import silent
from workshop_kit.terminal import say_error
from workshop_kit.trials import service_image, service_trial
from workshop_kit.trials.image_builds import ImageBuilds
from workshop_kit.workspace import growth, regions, registry, solutions
from workshop_kit.workspace.course import MY_SERVICE
from workshop_kit.workspace.folder import Workspace
from workshop_kit.workspace.regions import FileStage
from workshop_kit.workspace.registry import Exercise
from workshop_kit.workspace.solutions import Source
from workshop_room.grading import build_guard
from workshop_room.grading.disk_watch import FULL, DiskWatch
from workshop_room.grading.grade import Grade, Outcome, one_line
from workshop_room.grading.submission import Submission

CHECK_SECONDS = 300.0
"""The longest that the check of one exercise may take; it is not judged then."""
TOO_EARLY = "It needs the service as lesson 01 leaves it, and this one is of a later lesson: hand it in before 01b."
NO_REGION = "{path} has no region of {name}: not reached, replaced by a later step, or without its markers."
NO_SEED = "Its numbers are those of a workspace, and this folder does not say which: name them with --seed."


class Job(BaseModel):
    """What a worker is to do: the files as base64, the exercises to judge, and the folder for its workspace.

    ``build_options`` are options for the builder of images.
    """

    digest: str
    files: dict[str, str]
    left_out: dict[str, str]
    seed: int | None
    exercises: list[str]
    folder: Path
    build_options: list[str]

    @classmethod
    def of(cls, submission: Submission, exercises: list[str], folder: Path, build_options: Sequence[str]) -> Job:
        """Return the job of judging these exercises of a submission."""
        files = {path: base64.b64encode(content).decode() for path, content in submission.files.items()}
        return cls(
            digest=submission.digest,
            files=files,
            left_out=dict(submission.left_out),
            seed=submission.seed,
            exercises=exercises,
            folder=folder,
            build_options=list(build_options),
        )

    @property
    def contents(self) -> dict[str, bytes]:
        """The files as they were handed in."""
        return {path: base64.b64decode(text) for path, text in self.files.items()}


@dataclass
class SubmissionJudge:
    """Judges the exercises of one submission; its stack comes up when the first check needs it.

    ``disk`` is the engine's folder. Once a check has filled the disk, no other check runs: only the removal of the
    stack frees it.
    """

    job: Job
    service: ExerciseService
    disk: Path | None = None
    has_filled_disk: bool = False

    def grades(self) -> Iterator[Grade]:
        """Yield a grade for each exercise of the job, in its order."""
        for name in self.job.exercises:
            exercise = registry.find(self.service.exercises, name)
            grade = self._grade_without_check(exercise)
            if grade is None:
                grade = self._grade_by_check(exercise)
            yield grade

    def _grade_without_check(self, exercise: Exercise) -> Grade | None:
        """Return the grade of an exercise for which no check has to run; None for any other."""
        if self.service.is_too_late(exercise):
            return self._make_grade(exercise, Outcome.NOT_GRADED, TOO_EARLY)

        grade = self._grade_without_file(exercise)
        if grade is None:
            grade = self._grade_without_region(exercise)
        if grade is not None:
            return grade

        if all(self.service.exercise_files(part).is_untouched() for part in exercise.parts):
            return self._make_grade(exercise, Outcome.NOT_STARTED)
        if self.job.seed is None and self.service.task_numbers(exercise.id):
            return self._make_grade(exercise, Outcome.NOT_GRADED, NO_SEED)
        return None

    def _grade_without_region(self, exercise: Exercise) -> Grade | None:
        """Return the grade of an exercise whose file does not show which lines are the participant's; else None."""
        exercise_files = self.service.exercise_files(exercise)
        try:
            exercise_files.read_text()
        except WorkshopError as error:
            return self._make_grade(exercise, Outcome.NOT_READABLE, error.what)

        if exercise_files.region() is None:
            reason = NO_REGION.format(path=exercise.path, name=exercise.id)
            return self._make_grade(exercise, Outcome.NOT_GRADED, reason)
        return None

    def _grade_without_file(self, exercise: Exercise) -> Grade | None:
        """Return the grade of an exercise whose file is missing, or was not read; None for any other."""
        for part in exercise.parts:
            reason = self.job.left_out.get(part.path)
            if reason:
                return self._make_grade(exercise, Outcome.NOT_READABLE, f"{part.path} {reason}.")

        path = self.service.workspace.folder / exercise.path
        if path.is_dir():
            return self._make_grade(exercise, Outcome.NOT_READABLE, f"{exercise.path} is a folder.")
        if not path.is_file():
            return self._make_grade(exercise, Outcome.NOT_HANDED_IN, f"There is no {exercise.path}.")
        return None

    def _grade_by_check(self, exercise: Exercise) -> Grade:
        """Run the check of an exercise and return its grade, also if the check raises or takes too long.

        A timer and a watch of the disk set the event that ends the check. Raises NotReady, which is no fault of the
        submission.
        """
        if self.has_filled_disk:
            return self._make_grade(exercise, Outcome.NOT_JUDGED, f"In a check before this one: {FULL}")

        end_event = threading.Event()
        limit_seconds = patient(CHECK_SECONDS)
        timer = threading.Timer(limit_seconds, end_event.set)
        timer.daemon = True
        watch = DiskWatch(self.disk, end_event.set)

        try:
            service_trial.ensure_up(self.service.stack())  # a trial needs the network of the stack
            timer.start()
            began = time.monotonic()
            with watch:
                result = self.service.judge(exercise, silent, end_event)
        except NotReady:
            raise
        except Exception as error:
            return self._make_grade(exercise, Outcome.NOT_JUDGED, f"The check did not end well. {_error_text(error)}")
        finally:
            timer.cancel()
            self.has_filled_disk = watch.is_full

        seconds = time.monotonic() - began
        if watch.is_full:
            return self._make_grade(exercise, Outcome.NOT_JUDGED, FULL)
        if end_event.is_set():
            finding = f"The check was not done after {limit_seconds:.0f} s."
            return self._make_grade(exercise, Outcome.NOT_JUDGED, finding)
        return Grade.of(self.job.digest, exercise.id, result, seconds)

    def _make_grade(self, exercise: Exercise, outcome: Outcome, finding: str = "") -> Grade:
        return Grade(self.job.digest, exercise.id, outcome, one_line(finding))


def _error_text(error: Exception) -> str:
    """Return the first sentence of an error of the workshop, the type and the text of any other."""
    if isinstance(error, WorkshopError):
        return error.what
    return f"{type(error).__name__}: {error}"


def fill(workspace: Workspace, job: Job) -> None:
    """Put the files that were handed in into a fresh workspace, in place of the starters of ``my_service/``.

    Record for each file the lesson's stage that its exercises belong to: exercises of later lessons are not expected
    in it.
    """
    shutil.rmtree(workspace.my_service)
    workspace.my_service.mkdir()
    contents = job.contents
    exercise_paths = {part.path for exercise in registry.load(CHECKOUT) for part in exercise.parts}
    for path, content in contents.items():
        if path.startswith(f"{MY_SERVICE}/") or path in exercise_paths:  # no check reads any other file
            write_atomically(workspace.folder / path, content)

    shutil.rmtree(workspace.secrets_folder, ignore_errors=True)
    (workspace.folder / growth.STAGES).unlink(missing_ok=True)
    for source in solutions.service_sources(CHECKOUT):
        if source.path in contents:
            text = contents[source.path].decode(errors="replace")
            growth.record(workspace.folder, source.path, stage_of(source, text))
    workspace.share_seed(job.seed or 0)


def stage_of(source: Source, text: str) -> FileStage:
    """Return the last stage of a file that has the same exercises as a participant's text.

    If no stage has them, or the text has damaged markers, it is the last stage of the file.
    """
    last_stage = source.stages[-1]
    try:
        ids = set(regions.ids(text))
    except regions.MarkerError:
        return last_stage

    matching_stages = [stage for stage in source.stages if set(regions.ids(source.at(stage))) == ids]
    return matching_stages[-1] if matching_stages else last_stage


@contextlib.contextmanager
def judge_of(job: Job) -> Iterator[SubmissionJudge]:
    """Yield the judge of a job, with a closed stack of its own; at the end of the block remove all that was made."""
    with provision.fresh_workspace(job.folder) as workspace:
        fill(workspace, job)
        engine = reach.connect()
        session = provision.session_of(workspace, engine)
        stack = replace(provision.stack_of(workspace, session), is_closed=True)
        lock = provision.lock_path(workspace.folder)
        reaper.watch(session, provision.REVERT_FAULTS, whole_workspace=lock)
        builds = ImageBuilds(tuple(job.build_options), build_guard.guard_factory(engine), keeps_images=True)
        service = replace(ExerciseService.of(workspace, lambda: stack), builds=builds)

        try:
            yield SubmissionJudge(job, service, build_guard.disk_of(engine))
        finally:
            builds.forget(lambda tag: service_image.remove_image(session, tag))
            provision.remove_everything(session, {"kernel", "workspace"})
        reaper.stop(session)


def main(source: IO[bytes], target: IO[bytes]) -> None:
    """Read a job from one stream, judge it, and write each grade to the other as a line of JSON."""
    job = Job.model_validate_json(source.read())
    with judge_of(job) as judge:
        for grade in judge.grades():
            target.write(to_json(grade) + b"\n")
            target.flush()


if __name__ == "__main__":
    reaper.interrupt_on_termination()
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a library prints must not stand among the grades
    try:
        main(sys.stdin.buffer, answers)
    except WorkshopError as problem:
        say_error(problem)
        sys.exit(problem.exit_code)
    except (KeyboardInterrupt, BrokenPipeError):
        sys.exit(Exit.NOT_GOOD)
