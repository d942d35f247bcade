"""Which parts of ``my_service/`` are the participant's own work: what a report may call theirs, and what it may not."""

from __future__ import annotations

from workshop_kit.learn.exercise import regions, service_files
from workshop_kit.learn.exercise.comparing import language_of, same_code
from workshop_kit.learn.exercise.course import MY_SERVICE
from workshop_kit.learn.exercise.desk import Desk
from workshop_kit.learn.exercise.marked import Source
from workshop_kit.learn.exercise.markers import MarkerError

UNKNOWN = "code that no check has passed"


def note(desk: Desk) -> str:
    """Say which exercises of the service the participant has not passed, and what runs there; "" if all are passed."""
    exercises = {name: source for source in service_files.sources(desk.root) for name in source.ids()}
    done = desk.progress.exercises()
    passed = {name for name in exercises if name in done and done[name].passed_at}
    runs: dict[str, list[str]] = {}
    for name in sorted(exercises.keys() - passed):
        runs.setdefault(_what_runs(desk, exercises[name], name), []).append(name)
    if not runs:
        return ""
    told = "; ".join(f"{what} ({', '.join(names)})" for what, names in sorted(runs.items()))
    count = f"{len(passed) or 'none'} of the {len(exercises)} exercises whose code runs here"
    return f"You have passed {count}. Not your work: {told}."


def _what_runs(desk: Desk, source: Source, exercise: str) -> str:
    """What stands in the place of an exercise: ``the reference``, ``the starter``, or something else."""
    try:
        text = (desk.workspace.folder / MY_SERVICE / source.file).read_text()
        mine = regions.region_of(text, exercise)
    except (OSError, UnicodeDecodeError, MarkerError):
        return UNKNOWN
    language = language_of(source.file)
    for what, whole in (("the reference", regions.solved(source.text)), ("the starter", regions.starter(source.text))):
        if same_code(mine, regions.region_of(whole, exercise), language=language):
            return what
    return UNKNOWN
