"""docs/audit.md, made from the catalog: what the audit looks at, and what only other tools see."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from workshop_kit.audit import catalog
from workshop_kit.audit.findings import Method, Rule

HERE = Path(__file__).parent
TITLES = {
    "config": "Configuration",
    "logs": "Logs",
    "monitoring": "Monitoring",
    "lifecycle": "Lifecycle",
    "confinement": "Confinement",
    "build": "Image and build",
}


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
    parts = [(HERE / "audit_page_head.md").read_text().format(count=len(rules)).strip(), "", "## The rules", ""]
    for guideline in catalog.guidelines():
        parts += [f"### {TITLES[guideline]}", "", *_table([one for one in rules if one.guideline == guideline]), ""]
    parts += [
        "## The factors and principles",
        "",
        *_principles(),
        "",
        (HERE / "audit_page_tail.md").read_text().strip(),
        "",
    ]
    return "\n".join(parts)


def _table(rules: list[Rule]) -> Iterator[str]:
    yield "| Rule | Severity | Serves | How | Side effects | About |"
    yield "| --- | --- | --- | --- | --- | --- |"
    for rule in rules:
        how = f"{rule.method}: {rule.looks_at}"
        cost = f"{rule.cost_seconds:g} s"
        what = f"{rule.title}. {rule.why} (`{rule.id}`)"
        served = dict.fromkeys((*rule.serves, *rule.proves))
        serves = " ".join(f"**{one}**" if one in rule.proves else one for one in served)
        yield f"| {what} | {rule.severity} | {serves} | {how} | {rule.side_effects} | {cost} |"


def _principles() -> Iterator[str]:
    yield "| | | Met in lesson | Holds by | Rules | What no look from outside tells |"
    yield "| --- | --- | --- | --- | --- | --- |"
    for one in catalog.principles():
        serving = [rule for rule in catalog.rules() if one.id in (*rule.serves, *rule.proves)]
        static = sum(rule.method is Method.STATIC for rule in serving)
        told = f"{static} static, {len(serving) - static} dynamic" if serving else "none"
        proof = ", ".join(f"`{rule.id}`" for rule in serving if one.id in rule.proves) or "no rule"
        yield f"| {one.id} | {one.name} | {one.met} | {proof} | {told} | {one.unseen} |"
