"""docs/audit.md, made from the catalog: what the audit looks at, and what only other tools see."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from workshop_kit.audit import catalog
from workshop_kit.audit.data import Method, Rule
from workshop_kit.audit.report.words import TITLES

HERE = Path(__file__).parent


def write(root: Path) -> Iterator[Path]:
    """Write docs/audit.md if it differs; its path, below ``root``, if it was written."""
    path = Path("docs") / "audit.md"
    text = page()
    if not (root / path).is_file() or (root / path).read_text() != text:
        (root / path).write_text(text)
        yield path


def page() -> str:
    """The page as Markdown."""
    rules = catalog.rules()
    parts = [(HERE / "page_head.md").read_text().format(count=len(rules)).strip(), "", "## The rules", ""]
    for guideline in catalog.guidelines():
        parts += [f"### {TITLES[guideline]}", "", *_table([one for one in rules if one.guideline == guideline]), ""]
    parts += ["## The factors and principles", "", *_principles(), "", (HERE / "page_tail.md").read_text().strip(), ""]
    return "\n".join(parts)


def _table(rules: list[Rule]) -> Iterator[str]:
    yield "| Rule | Serves | How | Side effects | About |"
    yield "| --- | --- | --- | --- | --- |"
    for rule in rules:
        how = f"{rule.method}: {rule.looks_at}"
        cost = f"{rule.cost_seconds:g} s"
        what = f"{rule.title}. {rule.why} (`{rule.id}`)"
        yield f"| {what} | {' '.join(rule.serves)} | {how} | {rule.side_effects} | {cost} |"


def _principles() -> Iterator[str]:
    yield "| | | Rules | What no look from outside tells |"
    yield "| --- | --- | --- | --- |"
    for one in catalog.principles():
        serving = [rule for rule in catalog.rules() if one.id in rule.serves]
        static = sum(rule.method is Method.STATIC for rule in serving)
        told = f"{static} static, {len(serving) - static} dynamic" if serving else "none"
        yield f"| {one.id} | {one.name} | {told} | {one.unseen} |"
