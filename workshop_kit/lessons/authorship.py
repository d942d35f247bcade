"""Which parts of ``my_service/`` are the participant's own work: what a report may call theirs, and what it may not."""

from __future__ import annotations

from dataclasses import replace

from workshop_kit.audit.findings import Report, TargetReport
from workshop_kit.engine.reach import Engine
from workshop_kit.exercises.exercise_service import Desk
from workshop_kit.workspace import regions, service_files
from workshop_kit.workspace.code_comparison import language_of, same_code
from workshop_kit.workspace.course import MY_SERVICE
from workshop_kit.workspace.markers import MarkerError
from workshop_kit.workspace.sources import Source

IMAGE = "my-service"
UNKNOWN = "code that no check has passed"


def mark(report: Report, engine: Engine, desk: Desk) -> Report:
    """Return an audit's report that says of images of ``my_service/`` what the participant has not passed."""
    mine = f"{desk.workspace.compose_project}/{IMAGE}:"

    def marked(one: TargetReport) -> TargetReport:
        tags = engine.client.images.get(one.image_id).tags
        return replace(one, reference=note(desk)) if any(tag.startswith(mine) for tag in tags) else one

    return replace(report, targets=tuple(map(marked, report.targets)))


def note(desk: Desk) -> str:
    """Say which exercises of the service the participant has not passed, and what runs there; "" if all are passed."""
    sources = {name: source for source in service_files.sources(desk.root) for name in source.ids()}
    runs = {name: what for name in sorted(sources) if (what := _what_runs(desk, sources[name], name))}
    done = desk.progress.exercises()
    open_ones = [name for name in runs if name not in done or not done[name].passed_at]
    if not open_ones:
        return ""
    groups = [(what, [name for name in open_ones if runs[name] == what]) for what in sorted(set(runs.values()))]
    told = "; ".join(f"{what} ({', '.join(names)})" for what, names in groups if names)
    passed = len(runs) - len(open_ones)
    return f"You have passed {passed or 'none'} of the {len(runs)} exercises in my_service. Not your work: {told}."


def _what_runs(desk: Desk, source: Source, exercise: str) -> str:
    """What stands in the place of an exercise; "" where the folder has no such place."""
    try:
        text = (desk.workspace.folder / MY_SERVICE / source.file).read_text()
        mine = regions.region_of(text, exercise)
    except (OSError, UnicodeDecodeError, MarkerError):
        return ""
    language = language_of(source.file)
    for what, whole in (("the reference", regions.solved(source.text)), ("the starter", regions.starter(source.text))):
        if same_code(mine, regions.region_of(whole, exercise), language=language):
            return what
    return UNKNOWN
