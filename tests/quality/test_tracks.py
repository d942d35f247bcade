"""Every track holds the mission, in what its cells do; and promises nothing that it folds."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field

import pytest

from tests.quality.test_resuming import SHELL, names_in
from workshop_kit.paths import CHECKOUT
from workshop_kit.workspace import summary
from workshop_kit.workspace.course import TRACKS, load_course, notebook_cells
from workshop_kit.workspace.file_cell import FileCell
from workshop_kit.workspace.summary import Summary
from workshop_kit.workspace.track_notebook import fold, on_track

COURSE = load_course(CHECKOUT)
ON_TRACK = [(lesson, track) for track in TRACKS for lesson in COURSE.names(track)]
CONTAINER = "01_container"
CONFIGURATION = "02_configuration"
LOGGING = "03_logging"
MONITORING = "04_monitoring"
PARTS = (CONFIGURATION, LOGGING, MONITORING)
LIVE = {
    CONFIGURATION: {"build", "save", "run"},
    LOGGING: {"logs", "diff", "exec_run"},
    MONITORING: {"pause", "restart"},
}
"""Calls to the engine that belong to a part of the talk."""
CHARTS = {"plot", "hist", "bar", "barh", "scatter"}
MOST_CELLS = 44
"""The cells that participants of the shortest track run, without the first of each lesson and those that fill in."""


def code_cells(lesson: str, track: str) -> dict[str, str]:
    """Return the code cells of a lesson as a track has it, by id."""
    path = CHECKOUT / "notebooks" / f"{lesson}.ipynb"
    notebook = json.loads(fold(path.read_bytes(), on_track(CHECKOUT, COURSE, lesson, track)))
    return {cell["id"]: "".join(cell["source"]) for cell in notebook["cells"] if cell["cell_type"] == "code"}


def text_of(lesson: str, track: str, cell_id: str) -> str:
    """Return a cell of a lesson as a track has it."""
    path = CHECKOUT / "notebooks" / f"{lesson}.ipynb"
    notebook = json.loads(fold(path.read_bytes(), on_track(CHECKOUT, COURSE, lesson, track)))
    return next("".join(cell["source"]) for cell in notebook["cells"] if cell["id"] == cell_id)


@dataclass
class Work:
    """What some code cells do.

    ``calls`` are the names of called methods and functions. ``from_log`` and ``from_metrics`` are the variables whose
    values come from a container's log, and from ``/metrics``; ``charts`` those that a chart draws. ``parses``: a line
    is read with `json.loads`.
    """

    calls: set[str] = field(default_factory=set)
    from_log: set[str] = field(default_factory=set)
    from_metrics: set[str] = field(default_factory=set)
    charts: set[str] = field(default_factory=set)
    differences: set[str] = field(default_factory=set)
    parses: bool = False

    @classmethod
    def of(cls, cells: Collection[str]) -> Work:
        """Follow the values through the cells, in their order."""
        work = cls()
        for source in cells:
            if FileCell.parse(source) or source.startswith("%%"):
                continue
            for node in statements(ast.parse(SHELL.sub("pass", source))):
                work._read(node)
        return work

    def _read(self, node: ast.stmt) -> None:
        """Note what one statement does."""
        used = names(node)
        called = {call_name(child) for child in ast.walk(node) if isinstance(child, ast.Call)}
        self.calls |= called
        self.parses = self.parses or "loads" in called
        is_metrics = "/metrics" in {child.value for child in ast.walk(node) if isinstance(child, ast.Constant)}
        targets = targets_of(node)
        if "logs" in called or used & self.from_log:
            self.from_log |= targets
        if is_metrics or used & self.from_metrics:
            self.from_metrics |= targets
        for child in ast.walk(node):
            if isinstance(child, ast.Call) and call_name(child) in CHARTS:
                self.charts |= names(child)
            if isinstance(child, ast.Call) and call_name(child) == "diff":
                self.differences |= names(child) | targets


def statements(tree: ast.AST) -> Iterator[ast.stmt]:
    """Yield the statements of a cell in their order, a function and each simple statement within a block."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.stmt) and not isinstance(node, ast.With | ast.For | ast.If | ast.Try | ast.While):
            yield node
        else:
            yield from statements(node)


def names(node: ast.AST) -> set[str]:
    """Return the names in a piece of code."""
    return {child.id for child in ast.walk(node) if isinstance(child, ast.Name)}


def call_name(call: ast.Call) -> str:
    """Return the last part of the name that is called: ``run`` of ``client.containers.run``."""
    if isinstance(call.func, ast.Attribute):
        return call.func.attr
    return call.func.id if isinstance(call.func, ast.Name) else ""


def targets_of(node: ast.stmt) -> set[str]:
    """Return the names to which a statement gives a value: variables, the container of an item, a function."""
    if isinstance(node, ast.FunctionDef):
        return {node.name}
    if isinstance(node, ast.Assign):
        return {name for target in node.targets for name in names(target)}
    return set()


def missing(cells: dict[str, list[str]]) -> set[str]:
    """Return what the mission lacks in the cells of a track, which are given by lesson."""
    work = {lesson: Work.of(sources) for lesson, sources in cells.items()}
    lacks = set()
    if not {"build", "run"} <= work[CONTAINER].calls:
        lacks.add("a container built and run")
    for part in PARTS:
        if not LIVE[part] & work[part].calls:
            lacks.add(f"a live call in {part}")
        if not {"predict", "reveal"} <= work[part].calls:
            lacks.add(f"a prediction in {part}")
    log = work[LOGGING]
    if not (log.parses and log.from_log):
        lacks.add("a log parsed by hand")
    if not log.from_log & log.charts:
        lacks.add("a chart of a log")
    counted = work[MONITORING]
    if not counted.from_metrics & counted.differences:
        lacks.add("a metric counted")
    if not counted.from_metrics & counted.differences & counted.charts:
        lacks.add("a chart of its rate")
    return lacks


def cells_of(track: str, without: str = "") -> dict[str, list[str]]:
    """Return the code cells of a track by lesson, but for one (its lesson and id, with a slash)."""
    cells: dict[str, list[str]] = {}
    for lesson in COURSE.names(track):
        sources = code_cells(lesson, track)
        cells[lesson] = [source for name, source in sources.items() if f"{lesson}/{name}" != without]
    return cells


@pytest.mark.parametrize("track", TRACKS)
def test_every_track_holds_the_mission(track: str) -> None:
    """A container built and run; in each part a live call and a prediction; a log and a metric, read and drawn."""
    assert missing(cells_of(track)) == set()


@pytest.mark.parametrize(
    ("cell", "lack"),
    [
        ("01_container/build", "a container built and run"),
        ("02_configuration/predict-deleted", "a prediction in 02_configuration"),
        ("03_logging/frame", "a log parsed by hand"),
        ("03_logging/chart", "a chart of a log"),
        ("04_monitoring/frame", "a metric counted"),
        ("04_monitoring/rate", "a chart of its rate"),
    ],
)
def test_what_a_track_lacks_is_noticed(cell: str, lack: str) -> None:
    """The shortest track has each of these once: without the cell, the mission lacks it."""
    cells = cells_of("90min", without=cell)
    if cell == "04_monitoring/rate":  # two cells draw it: the difference, and the rate
        cells[MONITORING].remove(code_cells(MONITORING, "90min")["reset"])
    assert lack in missing(cells)


@pytest.mark.parametrize("part", PARTS)
def test_a_part_that_asks_no_engine_is_noticed(part: str) -> None:
    """Each part of the talk has its own live calls: those of the others do not count."""
    cells = cells_of("90min") | {part: []}
    assert {f"a live call in {part}", f"a prediction in {part}"} <= missing(cells)


def test_the_shortest_track_has_few_cells() -> None:
    """What its participants run in its lessons: each takes a minute and a half, with the talking."""
    lessons = [lesson.name for lesson in COURSE.lessons if "90min" in lesson.minutes]
    ids = [name for lesson in lessons for name in code_cells(lesson, "90min")]
    own = [name for name in ids if not name.startswith(("setup", "fill-"))]
    assert len(own) <= MOST_CELLS


def summary_of(lesson: str) -> Summary:
    """The lines of a lesson's first and last text; each lesson has them."""
    lesson_summary = summary.load(CHECKOUT, lesson)
    assert lesson_summary is not None, lesson
    return lesson_summary


def definitions(lesson: str, kept: Collection[str]) -> set[str]:
    """Return the names that the kept code cells of a lesson define."""
    cells = notebook_cells(CHECKOUT / "notebooks" / f"{lesson}.ipynb")
    code = [cell for cell in cells if cell["cell_type"] == "code"]
    sources = [cell["source"] for cell in code if cell["id"] in kept]
    return {name for source in sources for name in names_in(source).defined}


@pytest.mark.parametrize(("lesson", "track"), ON_TRACK)
def test_nothing_is_promised_that_is_folded(lesson: str, track: str) -> None:
    """A line of which the track folds a cell stands neither at the head nor at the end, nor does the name of a function
    that only folded cells define. Something is left to reach, to keep and to do at home.
    """
    kept = COURSE.kept_cells(lesson, track)
    texts = {name: text_of(lesson, track, name) for name in (summary.HEAD, summary.END)}
    lines = [line for choice in summary_of(lesson).choices for line in choice]
    folded = [line for line in lines if not kept.issuperset(line.cells)]
    everything = frozenset(cell for part in COURSE.sections[lesson] for cell in part.cells)
    only_folded = definitions(lesson, everything) - definitions(lesson, kept)

    for text in texts.values():
        assert [line.text for line in folded if line.text.replace("{minutes}", "") in text] == []
        assert only_folded.isdisjoint(re.findall(r"`(\w+)(?:\(\))?`", text))
    assert re.search(r"^- \S", texts[summary.HEAD], re.MULTILINE)
    assert re.search(r"^- \S", texts[summary.END], re.MULTILINE)
    assert re.search(r"\*\*Take home:\*\* \S", texts[summary.END])


@pytest.mark.parametrize(("lesson", "track"), ON_TRACK)
def test_the_head_has_a_title_and_the_minutes_of_the_track(lesson: str, track: str) -> None:
    """Both are said for what is left of the lesson."""
    head = text_of(lesson, track, summary.HEAD)
    assert re.match(rf"# {lesson.partition('_')[0]} · \w", head)
    assert re.findall(r"(\d+) minutes", head) in ([], [str(COURSE.minutes(lesson, track))])
    assert summary_of(lesson).intro[0].text.count("{minutes}") == (lesson != "00_start")


@pytest.mark.parametrize("lesson", COURSE.sections)
def test_a_line_names_cells_of_its_lesson(lesson: str) -> None:
    """A misspelled id would take the line from every track. The last line of title and intro is said on all of them."""
    cells = {cell for part in COURSE.sections[lesson] for cell in part.cells}
    lines = summary_of(lesson)
    for choice in lines.choices:
        assert {cell for line in choice for cell in line.cells} <= cells
    for track in TRACKS:
        if kept := COURSE.kept_cells(lesson, track):
            assert summary.chosen_text(lines.title, kept)
            assert summary.chosen_text(lines.intro, kept)
