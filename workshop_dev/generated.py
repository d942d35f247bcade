"""Files that ``./workshop build`` generates besides the exercises: pages of docs, the locks."""

from __future__ import annotations

import ast
import json
import platform
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil

from container_audit import catalog
from container_audit.findings import Rule
from workshop_dev import suite
from workshop_dev.weeks import weeks
from workshop_kit.display.rendered import template
from workshop_kit.engine import shell
from workshop_kit.files import read_document, write_atomically
from workshop_kit.guidelines import Principle, principles
from workshop_kit.python_env import DEVELOPER_LOCK, LOCK

HERE = Path(__file__).parent
PERFORMANCE = Path("docs") / "performance.md"
AUDIT = Path("docs") / "audit.md"
TEACHING = Path("docs") / "teaching.md"
MEASURED = Path("benchmarks") / "measured"
COMPILE = ("--quiet", "--universal", "--generate-hashes", "--no-header", "--no-annotate", "--python-version", "3.11")
APP_SOURCE = "workshop_app/requirements.in"
APP_LOCK = "workshop_app/requirements.txt"
STORE_LOCK = "images/parameter_store/requirements.txt"
SEAT_LOCK = "images/seat/requirements.txt"
LOCKS = (
    (LOCK, "pyproject.toml", "--all-extras"),
    (APP_LOCK, APP_SOURCE, "-c", LOCK),
    ("images/load/requirements.txt", "images/load/requirements.in"),
    (STORE_LOCK, "images/parameter_store/requirements.in"),
    ("images/collector/requirements.txt", "images/collector/requirements.in", "-c", STORE_LOCK),
    ("images/python/requirements.txt", APP_SOURCE, "images/python/requirements.in", "-c", LOCK, "-c", APP_LOCK),
    (SEAT_LOCK, "images/seat/requirements.in", "-c", LOCK),
    ("deploy/room/requirements.txt", "deploy/room/requirements.in", "-c", SEAT_LOCK, "-c", LOCK),
    (DEVELOPER_LOCK, "pyproject.toml", "--all-extras", APP_SOURCE, "--group", "dev", "-c", LOCK, "-c", APP_LOCK),
)
"""Each lock with its sources and, behind ``-c``, the earlier locks whose versions it takes."""
FILES = (AUDIT, PERFORMANCE, TEACHING, *(Path(target) for target, *_ in LOCKS))
"""All of them, in the order in which they are written."""


def write_all(root: Path) -> Iterator[tuple[Path, bool]]:
    """Write the files that differ; yield each file's path relative to ``root``, and whether it was written."""
    texts = {AUDIT: audit_page(), PERFORMANCE: performance_page(root), TEACHING: teaching_page(root)}
    for path, text in texts.items():
        file = root / path
        is_outdated = not file.is_file() or file.read_text(encoding="utf-8") != text
        if is_outdated:
            file.write_text(text, encoding="utf-8")
        yield path, is_outdated

    for target, *words in LOCKS:
        file = root / target
        old_content = file.read_bytes() if file.exists() else b""
        compile_lock(root, target, *words)
        yield Path(target), file.read_bytes() != old_content


def compile_lock(root: Path, target: str, *words: str) -> None:
    """Write one lock, with hashes. Raises WorkshopError with what uv says."""
    command: list[str | Path] = [Path(sys.executable).with_name("uv"), "pip", "compile", *COMPILE, "--directory", root]
    shell.run(
        [*command, *words, "-o", target],
        failure=f"{target} could not be made.",
        next_step="Read uv's last lines above; where there is no uv, run ./workshop setup.",
        environment={"UV_SYSTEM_CERTS": "1", "UV_NATIVE_TLS": "1"},
    )


def audit_page() -> str:
    """Return docs/audit.md: the rules, and the factors and principles that they test."""
    values = {
        "rules": catalog.rules(),
        "principles": principles(),
        "served": _served_principles,
        "proof": _proving_rules,
    }
    return template(HERE / "audit_page.md").render(values) + "\n"


def teaching_page(root: Path) -> str:
    """Return docs/teaching.md: the weeks of a course, made of the lessons' sections and exercises."""
    return template(HERE / "teaching_page.md").render(weeks=weeks(root)) + "\n"


def _served_principles(rule: Rule) -> str:
    """Return the ids of the principles that a rule serves; those that it proves are bold."""
    words = []
    for identifier in dict.fromkeys((*rule.serves, *rule.proves)):
        words.append(f"**{identifier}**" if identifier in rule.proves else identifier)
    return " ".join(words)


def _proving_rules(principle: Principle) -> str:
    """Return the ids of the rules that prove a principle, as Markdown."""
    rules = [f"`{rule.id}`" for rule in catalog.rules() if principle.id in rule.proves]
    return ", ".join(rules) or "no rule"


def keep_rows(root: Path, name: str, rows: str) -> Path:
    """Keep the rows of a benchmark with machine and date, and write the page anew; return the path of the page.

    ``rows`` is the JSON that the benchmark prints.
    """
    record = {"machine": machine(), "date": f"{datetime.now(UTC):%Y-%m-%d}", "rows": json.loads(rows)}
    text = json.dumps(record, indent=1, ensure_ascii=False)
    write_atomically(root / MEASURED / f"{name}.json", f"{text}\n".encode())
    write_atomically(root / PERFORMANCE, performance_page(root).encode())
    return PERFORMANCE


def machine() -> str:
    """Describe this machine: ``2 processors (x86_64), 8 GiB of memory, Linux, Python 3.13``."""
    memory = f"{psutil.virtual_memory().total / 2**30:.0f} GiB of memory"
    python = ".".join(platform.python_version_tuple()[:2])
    return f"{suite.cores()} processors ({platform.machine()}), {memory}, {platform.system()}, Python {python}"


def performance_page(root: Path) -> str:
    """Return docs/performance.md: a section for each benchmark, then the figures that other commands show."""
    modules = sorted((root / "benchmarks").glob("[a-z]*.py"))
    benchmarks = [_describe_benchmark(root, module) for module in modules]
    return template(HERE / "performance_page.md").render(benchmarks=benchmarks, value=_format_value) + "\n"


def _describe_benchmark(root: Path, path: Path) -> dict[str, Any]:
    """Return the name of a benchmark, its module's docstring, and its kept rows, None if there are none."""
    module = ast.parse(path.read_text(encoding="utf-8"))
    docstring = ast.get_docstring(module) or ""
    about = " ".join(docstring.replace("``", "`").split())

    record = None
    record_file = root / MEASURED / f"{path.stem}.json"
    if record_file.is_file():
        record = read_document(record_file)
    return {"name": path.stem, "about": about, "measured": record}


def _format_value(value: float, unit: str) -> str:
    """Return a measured value with its unit.

    >>> _format_value(0.0123, "s"), _format_value(2.5, "s"), _format_value(241.4, "MiB")
    ('12.3 ms', '2.50 s', '241 MiB')
    """
    if unit != "s":
        return f"{value:.0f} {unit}"
    if value < 0.1:
        return f"{value * 1000:.1f} ms"
    return f"{value:.2f} s"
