"""Names by the style guide: a noun of the field, and one name for one thing."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

INSTEAD = {
    "Anywhere": "a name of what it reads",
    "AtMostEvery": "TTLCache",
    "Canaried": "Experiment",
    "Case": "FaultContext",
    "Desk": "ExerciseService, ExplorerModel",
    "Doors": "DependencyProxies",
    "Force": "ActiveFaults",
    "force": "active_faults",
    "Habits": "LineTemplate",
    "heal": "revert",
    "healed": "reverted",
    "Judged": "Verdict",
    "making": "resources",
    "Open": "ActiveFault",
    "Pair": "FaultHandler",
    "Past": "PastFault",
    "Presenting": "PresenterApi",
    "presenting": "presenter_api",
    "Room": "Audience",
    "ruling": "verdict",
    "Shown": "Rendered",
    "Stage": "Controller",
    "strike": "inject, remove",
    "struck": "injected, removed",
    "Told": "Gap",
    "until_told": "until_signal",
    "who": "identity",
}
"""Names of classes, functions, methods and attributes that the style guide rejects, and what to use."""
MODULES = {
    "animals": "bad_images",
    "asked": "control",
    "asking": "raw_http",
    "away": "engine_errors",
    "develop": "dev",
    "disturb": "faults",
    "doors": "dependency_proxies",
    "force": "active_faults",
    "furniture": "axes",
    "game": "gameday",
    "judging": "check_api",
    "kept": "jsonl_store",
    "learn": "lessons, exercises",
    "looked": "live_target",
    "making": "resources",
    "marked": "sources",
    "mending": "partial_lines",
    "pieces": "a name of what it holds",
    "prepare": "bootstrap",
    "presenting": "presenter_api",
    "ready": "provision",
    "room": "audience",
    "sentences": "error_display",
    "sheet": "renderer",
    "show": "display",
    "shown": "rendered",
    "skips": "gap_detector",
    "sparing": "ttl_cache",
    "spreading": "fan_out",
    "stage": "controller",
    "strip": "event_lane",
    "texts": "sources",
    "until": "signals",
    "working": "notebook_progress",
}
"""The same for modules and packages."""
FOLDERS = ("workshop_kit", "workshop_app", "images")


def names(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Yield line and name of each class, function, method, field of a class, and attribute set on ``self``."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            yield node.lineno, node.name
        if isinstance(node, ast.ClassDef):
            fields = [one.target for one in node.body if isinstance(one, ast.AnnAssign)]
            yield from ((one.lineno, one.id) for one in fields if isinstance(one, ast.Name))
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            yield node.lineno, node.attr


def test_no_name_is_a_riddle(root: Path) -> None:
    """No module, class, function, method or attribute has a name that the style guide rejects."""
    wrong = []
    for path in (path for folder in FOLDERS for path in sorted((root / folder).rglob("*.py"))):
        place = path.relative_to(root)
        wrong += [f"{place}: use {MODULES[part]}" for part in place.with_suffix("").parts if part in MODULES]
        found = names(ast.parse(path.read_text(encoding="utf-8")))
        wrong += [f"{place}:{line}: {name!r}, use {INSTEAD[name]}" for line, name in found if name in INSTEAD]
    assert wrong == []
