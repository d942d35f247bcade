"""What the guides tell people to type exists, and their links lead somewhere."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from workshop_kit.prepare import needs

GUIDES = (
    "README.md",
    "docs/delivering.md",
    "docs/demo/README.md",
    "docs/architecture.md",
    "docs/adding-a-lesson.md",
    "CONTRIBUTING.md",
)


@pytest.mark.parametrize("guide", GUIDES)
def test_commands_and_links_exist(root: Path, guide: str) -> None:
    """Every ``./workshop WORD`` is a command; every relative link is a file, and its anchor a heading there."""
    text = (root / guide).read_text()
    words = set(re.findall(r"\./workshop ([a-z]+)", text))
    assert words <= {command.name for command in needs.COMMANDS}
    targets = re.findall(r"\]\((?!https?:)([^)]+)\)", text)
    for target in targets:
        name, _, anchor = target.partition("#")
        file = (root / guide).parent / name if name else root / guide
        assert file.exists(), target
        assert not anchor or anchor in anchors(file.read_text()), target


def anchors(text: str) -> set[str]:
    """The anchors of a page's headings, as they are made for the web."""
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_the_readme_lists_every_command(root: Path) -> None:
    """Its table of commands has them all."""
    table = (root / "README.md").read_text().partition("## Commands")[2].partition("\n## ")[0]
    missing = [command.name for command in needs.COMMANDS if not re.search(rf"[`\s]{command.name}\b", table)]
    assert missing == []
