"""docs/performance.md: what the benchmarks measured, beside the aims and peers, and how to measure it again."""

from __future__ import annotations

import ast
import json
import platform
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil

from workshop_kit.dev import suite
from workshop_kit.files import write_atomically

HERE = Path(__file__).parent
PAGE = Path("docs") / "performance.md"
MEASURED = Path("benchmarks") / "measured"
TABLE = "| What | Measured | Compared with | Ratio | Aim |\n| --- | --- | --- | --- | --- |"


def keep(root: Path, name: str, rows: str) -> None:
    """Write a benchmark's rows (the JSON that it prints) beside machine and date."""
    measured = {"machine": machine(), "date": f"{datetime.now(UTC):%Y-%m-%d}", "rows": json.loads(rows)}
    text = json.dumps(measured, indent=1, ensure_ascii=False)
    write_atomically(root / MEASURED / f"{name}.json", f"{text}\n".encode())


def machine() -> str:
    """Return the kind of this machine: ``2 processors (x86_64), 8 GiB of memory, Linux, Python 3.13``."""
    memory = f"{psutil.virtual_memory().total / 2**30:.0f} GiB of memory"
    python = ".".join(platform.python_version_tuple()[:2])
    return f"{suite.cores()} processors ({platform.machine()}), {memory}, {platform.system()}, Python {python}"


def write_page(root: Path) -> Path:
    """Write the page from all kept rows; return its path below ``root``."""
    write_atomically(root / PAGE, page(root).encode())
    return PAGE


def page(root: Path) -> str:
    """Return docs/performance.md: a section for each benchmark, then the figures that other commands show."""
    parts = [(HERE / "performance_page_head.md").read_text(encoding="utf-8").strip()]
    for path in sorted((root / "benchmarks").glob("[a-z]*.py")):
        parts.append("\n".join(_section(root, path)))
    parts.append((HERE / "performance_page_tail.md").read_text(encoding="utf-8").strip())
    return "\n\n".join(parts) + "\n"


def _section(root: Path, benchmark: Path) -> Iterator[str]:
    about = ast.get_docstring(ast.parse(benchmark.read_text(encoding="utf-8"))) or ""
    words = " ".join(about.replace("``", "`").split())
    yield f"## {benchmark.stem.capitalize()}\n\n{words}\n\n`./workshop bench {benchmark.stem}`\n"
    kept = root / MEASURED / f"{benchmark.stem}.json"
    if not kept.is_file():
        yield "Not measured yet."
        return
    measured = json.loads(kept.read_text(encoding="utf-8"))
    yield TABLE
    for row in measured["rows"]:
        yield _line(row)
    yield f"\nMeasured on {measured['date']}: {measured['machine']}."


def _line(row: Mapping[str, Any]) -> str:
    runs = f"{row['taken']} of {row['runs']:,}" if row["runs"] > 1 else "one run"
    measured = f"{_value(row['ours'], row['unit'])}, {runs}"
    theirs = f"{row['beside']}: {_value(row['theirs'], row['unit'])}" if row["ratio"] else ""
    ratio = f"{row['ratio']:.2f} ×" if row["ratio"] else ""
    return f"| {row['work'].strip()} | {measured} | {theirs} | {ratio} | {row['aim']} |"


def _value(value: float, unit: str) -> str:
    """Return a measured value with its unit.

    >>> _value(0.0123, "s"), _value(2.5, "s"), _value(241.4, "MiB")
    ('12.3 ms', '2.50 s', '241 MiB')
    """
    if unit != "s":
        return f"{value:.0f} {unit}"
    return f"{value * 1000:.1f} ms" if value < 0.1 else f"{value:.2f} s"
