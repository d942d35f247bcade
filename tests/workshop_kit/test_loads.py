"""What a process loads: a first cell what every lesson needs, a check its own file alone."""

from __future__ import annotations

import subprocess
import sys

FIRST_CELL = "from workshop_kit.lessons.lesson import lesson"
WHEN_CALLED = {
    *("container_audit", "workshop_kit.gameday", "workshop_kit.search", "workshop_kit.checks"),
    *("anywidget", "boto3", "duckdb"),
}
CHECK = """
from workshop_kit import checks, cli
cli.application("check")
checks.check_of("container.graceful")
"""


def loaded_by(program: str) -> set[str]:
    """The modules that a Python program has loaded at its end."""
    process = subprocess.run(
        [sys.executable, "-P", "-c", f"{program}\nimport sys; print(*sys.modules)"],
        capture_output=True,
        text=True,
        check=True,
    )
    return set(process.stdout.split())


def test_a_first_cell_loads_what_every_lesson_needs() -> None:
    """Audit, game day, explorer and checks come when they are called; so do widgets, the clients of AWS, and DuckDB."""
    assert loaded_by(FIRST_CELL).isdisjoint(WHEN_CALLED)


def test_a_check_loads_its_own_file() -> None:
    """Of the checks it is the only one, with what several share."""
    modules = loaded_by(CHECK)
    checks = {name for name in modules if name.startswith("workshop_kit.checks.")}
    assert checks == {"workshop_kit.checks.container_graceful", "workshop_kit.checks.stops"}
