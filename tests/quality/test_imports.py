"""The source: imports point one way, so what is below never knows what is above it."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from packaging.utils import canonicalize_name

# From the ground up; a module may import what stands before it, and what is in its own place.
FLOORS = (
    # the learner's
    ("workshop_kit.paths", "workshop_kit.reporting", "workshop_kit.untrusted_text"),
    ("workshop_kit.errors",),
    ("workshop_kit.host", "workshop_kit.names", "workshop_kit.patience", "workshop_kit.termination"),
    ("workshop_kit.files", "workshop_kit.terminal"),
    ("workshop_kit.python_env", "workshop_kit.guidelines"),
    ("workshop_kit.engine",),
    ("workshop_kit.observe", "workshop_kit.faults", "workshop_kit.bundle"),
    ("workshop_kit.display",),
    ("workshop_kit.search",),
    ("workshop_kit.workspace",),
    ("workshop_kit.provision",),
    ("workshop_kit.trials",),
    ("workshop_kit.checks",),
    ("workshop_kit.exercises",),
    ("workshop_kit.lessons",),
    ("workshop_kit.gameday",),
    ("workshop_kit.program",),
    ("workshop_kit.commands",),
    ("workshop_kit.__main__",),
    ("workshop_kit.cli",),
    # a tool of its own
    ("container_audit",),
    # who teaches
    ("workshop_room.timetable",),
    ("workshop_room.timetable_text",),
    ("workshop_room.desk", "workshop_room.seat_server"),
    ("workshop_room.commands",),
    # who maintains
    ("workshop_dev",),
)
RANK = {place: rank for rank, places in enumerate(FLOORS) for place in places}
PACKAGES = tuple(dict.fromkeys(place.partition(".")[0] for place in RANK))
UNDIVIDED = {"container_audit", "workshop_dev"}
AUDIT_NEEDS = {
    *("workshop_kit.paths", "workshop_kit.reporting", "workshop_kit.errors", "workshop_kit.guidelines"),
    *("workshop_kit.patience", "workshop_kit.files", "workshop_kit.terminal", "workshop_kit.program"),
    *("workshop_kit.engine", "workshop_kit.observe", "workshop_kit.display", "workshop_kit.termination"),
}
"""What the audit takes of the kit, so that it can be a tool of its own: no lesson, no workspace, no command of it."""


BARE = "it runs on a bare Python, too"
FIRST_CELL = "a first cell loads what every lesson needs"
COMMAND = "a command loads what it needs"
SLOW_IMPORTS = {
    "container_audit/command.py": COMMAND,
    "workshop_dev/commands/tour.py": COMMAND,
    "workshop_kit/checks/config_inside.py": "it runs in a container, beside the participant's modules",
    "workshop_kit/commands/doctor.py": BARE,
    "workshop_kit/commands/start.py": "JupyterLab starts before them",
    "workshop_kit/display/figure_text.py": COMMAND,
    "workshop_kit/display/rendered.py": COMMAND,
    "workshop_kit/exercises/checkpoint.py": COMMAND,
    "workshop_kit/exercises/exercise_service.py": COMMAND,
    "workshop_kit/files.py": BARE,
    "workshop_kit/lessons/first_cell.py": FIRST_CELL,
    "workshop_kit/lessons/lab.py": "JupyterLab starts without it",
    "workshop_kit/lessons/lesson.py": FIRST_CELL,
    "workshop_kit/terminal.py": BARE,
    "workshop_kit/workspace/lab_settings.py": COMMAND,
    "workshop_room/commands/instructor.py": COMMAND,
}
"""The files with imports inside functions: each is slow, or missing where the file is used."""


def imported(path: Path) -> Iterator[str]:
    """Every module that a file imports, at its top or inside a function."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{name.name}" for name in node.names)


def place_of(module: str) -> str | None:
    """The place that a module belongs to: ``workshop_kit.engine.reach`` is in ``workshop_kit.engine``.

    None for a package as a whole, and for modules that are not the project's.
    """
    words = module.split(".")
    if words[0] in UNDIVIDED:
        return words[0]
    return ".".join(words[:2]) if words[0] in PACKAGES and len(words) > 1 else None


def sources(root: Path, folder: str) -> list[Path]:
    """The Python files of a folder; none is a failure."""
    paths = sorted((root / folder).rglob("*.py"))
    assert paths
    return paths


def module_of(root: Path, path: Path) -> str:
    """The name by which a file is imported."""
    return ".".join(path.relative_to(root).with_suffix("").parts).removesuffix(".__init__")


@pytest.mark.parametrize("package", PACKAGES)
def test_every_place_has_a_floor(root: Path, package: str) -> None:
    """A new package or module is placed by name, not by accident."""
    places = {place_of(module_of(root, path)) for path in sources(root, package)}
    assert places - {None} <= set(RANK)


@pytest.mark.parametrize("package", PACKAGES)
def test_imports_point_downwards(root: Path, package: str) -> None:
    """No module imports one of a higher floor, or of a neighbor on its own floor. There is no exemption."""
    wrong = []
    for path in sources(root, package):
        own = place_of(module_of(root, path))
        for module in imported(path):
            imported_place = place_of(module)
            if own in RANK and imported_place in RANK and imported_place != own and RANK[imported_place] >= RANK[own]:
                wrong.append(f"{path.relative_to(root)} imports {module}")
    assert wrong == []


@pytest.mark.parametrize("package", PACKAGES)
def test_no_modules_import_one_another(root: Path, package: str) -> None:
    """Not by way of others either: what both sides need is a module of its own, below them."""
    names = {module_of(root, path) for path in sources(root, package)}
    waiting: dict[str, set[str]] = {}
    for path in sources(root, package):
        own = module_of(root, path)
        modules = set(imported(path)) & names - {own}
        packages = {module.rpartition(".")[0] for module in modules}
        waiting[own] = modules - packages  # of `from package import module` it is the module

    while True:
        ready = {name for name, needed in waiting.items() if not needed & waiting.keys()}
        if not ready:
            break
        waiting = {name: needed for name, needed in waiting.items() if name not in ready}
    assert sorted(waiting) == []


def test_only_slow_imports_stand_in_functions(root: Path) -> None:
    """In the files of this list, each with the reason."""
    files = set()
    for path in (path for package in PACKAGES for path in sources(root, package)):
        functions = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.FunctionDef)]
        nodes = [node for function in functions for node in ast.walk(function)]
        if any(isinstance(node, ast.Import | ast.ImportFrom) for node in nodes):
            files.add(str(path.relative_to(root)))
    assert files == SLOW_IMPORTS.keys()


def test_the_audit_takes_the_ground_of_the_kit_alone(root: Path) -> None:
    """The engine, observing and pages; and all that is listed is needed."""
    imported_places = set[str | None]()
    for path in sources(root, "container_audit"):
        imported_places |= set(map(place_of, imported(path)))
    assert imported_places - {"container_audit", None} == AUDIT_NEEDS


def test_packages_run_on_what_participants_have(root: Path) -> None:
    """They import nothing that only the developers' packages bring, nor what runs inside a container of a trial."""
    lock = re.findall(r"^([\w.-]+)==", (root / "requirements.lock").read_text(), re.MULTILINE)
    has = set(map(canonicalize_name, lock))
    brings = packages_distributions()
    service = {path.stem for path in sources(root, "workshop_app")}
    wrong = []
    for path in (path for package in PACKAGES for path in sources(root, package)):
        if path.stem.endswith("_inside"):
            continue
        for module in imported(path):
            name = module.split(".")[0]
            if "_inside" in module or name in service:
                wrong.append(f"{path.relative_to(root)} imports {module}")
            elif name in brings and not has & set(map(canonicalize_name, brings[name])):
                wrong.append(f"{path.relative_to(root)} imports {module}, which requirements.lock does not bring")
    assert wrong == []


def test_the_observed_does_not_know_its_observer(root: Path) -> None:
    """The service and the programs in images import no package of ours; the images nothing of the service."""
    service = {path.stem for path in sources(root, "workshop_app")}
    for folder, forbidden in (("workshop_app", {*PACKAGES}), ("images", {*PACKAGES, *service})):
        for path in sources(root, folder):
            assert not {module.split(".")[0] for module in imported(path)} & forbidden, path


LEARNING = ("setup", "start", "check", "watch", "hint", "solution", "status", "goto", "update", "down")


def test_a_learners_commands_import_nothing_of_who_teaches_or_maintains(root: Path) -> None:
    """Neither does the first cell of a lesson."""
    program = f"""
import sys
from workshop_kit import cli
from workshop_kit.commands import COMMANDS
for name in {LEARNING}:
    COMMANDS[name].load()
import workshop_kit.lessons.lesson
print(*(name for name in sys.modules if name.startswith(("workshop_room", "workshop_dev", "container_audit"))))
"""
    process = subprocess.run([sys.executable, "-c", program], cwd=root, capture_output=True, text=True, check=True)
    assert process.stdout == "\n"


def test_what_runs_before_the_environment_needs_nothing_of_it(root: Path) -> None:
    """What the launcher runs on a bare Python can be imported without any installed package."""
    program = "import workshop_kit.__main__, workshop_kit.commands.doctor, workshop_room.commands.plan"
    command = [sys.executable, "-S", "-c", program]
    process = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    assert process.stderr == ""
