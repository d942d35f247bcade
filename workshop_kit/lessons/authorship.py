"""Which parts of ``my_service/`` are the participant's own work: what a report may call theirs, and what it may not."""

from __future__ import annotations

from dataclasses import replace

from workshop_kit.audit.findings import Report, TargetReport
from workshop_kit.engine.reach import Engine
from workshop_kit.exercises.exercise_service import ExerciseService
from workshop_kit.workspace import regions, solutions
from workshop_kit.workspace.course import MY_SERVICE
from workshop_kit.workspace.merge import language_of, same_code
from workshop_kit.workspace.regions import MarkerError
from workshop_kit.workspace.solutions import Source

IMAGE = "my-service"
UNKNOWN = "code that no check has passed"


def mark(report: Report, engine: Engine, exercise_service: ExerciseService) -> Report:
    """Return an audit's report that says of images of ``my_service/`` what the participant has not passed."""
    mine = f"{exercise_service.workspace.compose_project}/{IMAGE}:"

    def marked(one: TargetReport) -> TargetReport:
        tags = engine.client.images.get(one.image_id).tags
        return replace(one, reference=note(exercise_service)) if any(tag.startswith(mine) for tag in tags) else one

    return replace(report, targets=tuple(map(marked, report.targets)))


def note(exercise_service: ExerciseService) -> str:
    """Say which exercises of the service the participant has not passed, and what runs there; "" if all are passed."""
    sources = {name: source for source in solutions.service_sources(exercise_service.root) for name in source.ids()}
    runs = {name: what for name in sorted(sources) if (what := _what_runs(exercise_service, sources[name], name))}
    done = exercise_service.progress.exercises()
    open_ones = [name for name in runs if name not in done or not done[name].passed_at]
    if not open_ones:
        return ""
    groups = [(what, [name for name in open_ones if runs[name] == what]) for what in sorted(set(runs.values()))]
    told = "; ".join(f"{what} ({', '.join(names)})" for what, names in groups if names)
    passed = len(runs) - len(open_ones)
    return f"You have passed {passed or 'none'} of the {len(runs)} exercises in my_service. Not your work: {told}."


def _what_runs(exercise_service: ExerciseService, source: Source, exercise: str) -> str:
    """What stands in the place of an exercise; "" where the folder has no such place."""
    try:
        text = (exercise_service.workspace.folder / MY_SERVICE / source.file).read_text()
        mine = regions.region_of(text, exercise)
    except (OSError, UnicodeDecodeError, MarkerError):
        return ""
    language = language_of(source.file)
    for what, whole in (("the reference", regions.solved(source.text)), ("the starter", regions.starter(source.text))):
        if same_code(mine, regions.region_of(whole, exercise), language=language):
            return what
    return UNKNOWN
