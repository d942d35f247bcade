"""``grade``: judge by their effect what people handed in."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from filelock import FileLock, Timeout

from workshop_kit.commands.options import AsJson
from workshop_kit.engine import images, reach
from workshop_kit.engine.reach import Engine
from workshop_kit.errors import Exit, NotReady, WorkshopError, WrongUsage
from workshop_kit.files import write_atomically
from workshop_kit.paths import CHECKOUT, GRADES
from workshop_kit.terminal import TerminalReport, answer, say
from workshop_kit.workspace import registry
from workshop_kit.workspace.course import TRACKS, find_track
from workshop_kit.workspace.registry import Exercise

if TYPE_CHECKING:
    from workshop_room.grading.grade import GradeBook
    from workshop_room.grading.grader import GradedSubmission
    from workshop_room.grading.submission import Submission

RESULTS = GRADES / "results.jsonl"
OPEN_NETWORK = (
    "Podman may not know the option that closes the network of a service. Grading needs no network: take this machine "
    "off it."
)

HandedIn = Annotated[
    list[Path],
    typer.Argument(
        metavar="FOLDER",
        help="Workspaces, my_service folders, zip or tar archives of them, exported files; or a folder of these.",
    ),
]
OnlyExercises = Annotated[list[str] | None, typer.Option(help="An exercise, or a lesson such as 02; may be repeated.")]
OfTrack = Annotated[str, typer.Option(help=f"The exercises of a track. One of: {', '.join(TRACKS)}.")]
DefaultSeed = Annotated[
    int | None, typer.Option(min=0, help="The numbers of folders that do not say theirs, as in `start --seed`.")
]
CsvFile = Annotated[Path | None, typer.Option(help="Write one line for each exercise to this file, too.")]
ResultsFile = Annotated[
    Path,
    typer.Option(
        help="Keeps each grade as soon as it is known: a run that was ended goes on there.",
        show_default="build/grade/results.jsonl",
    ),
]


def grade(
    handed_in: HandedIn,
    only: OnlyExercises = None,
    track: OfTrack = "full",
    seed: DefaultSeed = None,
    csv: CsvFile = None,
    results: ResultsFile = RESULTS,
    as_json: AsJson = False,
) -> None:
    """Build what people handed in, and check each exercise that reads or builds a file, in closed containers.

    It runs their code, confined. Take a machine that you could lose: docs/teaching.md says what a grade can say.
    """
    from workshop_room.grading import report, submission  # lazily: they bring pandas
    from workshop_room.grading.grade import GradeBook
    from workshop_room.grading.grader import gradable

    if csv is not None:
        _require_writable(csv)
    if results != RESULTS:
        _require_writable(results)

    course_exercises = registry.load(CHECKOUT)
    track_name = find_track(track)
    track_exercises = [exercise for exercise in course_exercises if track_name in exercise.tracks]
    exercises = _choose_exercises(gradable(track_exercises), only or ())
    notebook_only: list[str] = []
    if not only:
        notebook_only = [exercise.id for exercise in track_exercises if exercise.file is None]

    submissions = submission.read_submissions(handed_in, seed)
    book = GradeBook(results)
    book.load()
    for problem in book.problems:
        say(problem)

    graded = _grade_all(submissions, exercises, book)
    if csv is not None:
        write_atomically(csv, report.as_csv(graded).encode())
        say(f"written: {csv}")
    if as_json:
        answer(json.dumps(report.as_json(graded, notebook_only)))
    else:
        answer(report.as_text(graded, exercises, notebook_only))

    if any(graded_submission.is_open for graded_submission in graded):
        say("Some exercises were not judged: run the same command again, and it judges only those.")
        raise typer.Exit(Exit.NOT_READY)


def _grade_all(
    submissions: Sequence[Submission], exercises: Sequence[Exercise], book: GradeBook
) -> list[GradedSubmission]:
    """Grade all submissions, and keep each grade in ``book``. Raises WorkshopError while another run goes on.

    Raises NotReady where the engine or an image is missing.
    """
    from workshop_room.grading.build_cgroup import build_options
    from workshop_room.grading.grader import grade_all
    from workshop_room.grading.process_judge import ProcessJudge, remove_leftovers

    GRADES.mkdir(parents=True, exist_ok=True)
    try:
        lock = FileLock(GRADES / ".lock").acquire(timeout=0)
    except Timeout as error:
        raise WorkshopError("Another `./workshop grade` is running.", "Wait until it has ended.") from error

    with lock, TerminalReport() as progress:
        engine = _require_engine()
        if not engine.dialect.has_buildkit:
            say(OPEN_NETWORK)
        remove_leftovers(GRADES, engine)

        names = [exercise.id for exercise in exercises]
        with build_options(engine, say) as options:
            judge = ProcessJudge(GRADES, _require_engine, options)
            return list(grade_all(submissions, names, book, judge, progress))


def _require_engine() -> Engine:
    """Return the engine. Raises NotReady where it or an image is missing."""
    engine = reach.connect()
    missing_images = images.missing(engine, CHECKOUT)
    if missing_images:
        raise NotReady(f"Images are missing or out of date: {', '.join(missing_images)}.", "Run ./workshop setup.")
    return engine


def _choose_exercises(exercises: Sequence[Exercise], words: Sequence[str]) -> list[Exercise]:
    """Return the exercises that the words name; all of them without words.

    A word is a lesson, its number, or an exercise. Raises WrongUsage for any other word.
    """
    if not words:
        return list(exercises)

    ids: set[str] = set()
    for word in words:
        lesson_ids = [exercise.id for exercise in exercises if _is_of_lesson(exercise, word)]
        if lesson_ids:
            ids.update(lesson_ids)
        else:
            ids.add(registry.find(exercises, word).id)
    return [exercise for exercise in exercises if exercise.id in ids]


def _is_of_lesson(exercise: Exercise, word: str) -> bool:
    """Return whether a word is the name or the number of an exercise's lesson."""
    number, _, _ = exercise.lesson.partition("_")
    return word in (exercise.lesson, number)


def _require_writable(file: Path) -> None:
    """Raise WrongUsage if a file cannot be written, or made in its folder."""
    target = file if file.exists() else file.parent
    if file.is_dir() or not os.access(target, os.W_OK):
        raise WrongUsage(f"{file} cannot be written.", "Name a file in a folder that is there.")
