"""What the guides tell people to type exists, and their links lead somewhere."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from workshop_dev import generated
from workshop_dev.weeks import MINUTES, weeks
from workshop_kit.commands import COMMANDS
from workshop_kit.paths import CHECKOUT
from workshop_kit.workspace import exercise_list
from workshop_kit.workspace.course import load_course
from workshop_kit.workspace.folder import LINKED

PAGES = [
    path.relative_to(CHECKOUT).as_posix()
    for pattern in ("*.md", "docs/**/*.md", "deploy/**/*.md", "solutions/**/*.md", "notebooks/*.ipynb")
    for path in sorted(CHECKOUT.glob(pattern))
]


@pytest.mark.parametrize("page", PAGES)
def test_commands_and_links_exist(root: Path, page: str) -> None:
    """Every ``./workshop WORD`` is a command; every relative link is a file, and its anchor a heading there."""
    words = set(re.findall(r"\./workshop ([a-z]+)", (root / page).read_text()))
    assert words <= set(COMMANDS) or page == "CHANGELOG.md", "a changelog names commands that have gone"
    for target in re.findall(r"\]\((?!https?:)([^)\s]+)\)", text_of(root / page)):
        name, _, anchor = target.partition("#")
        file = (root / page).parent / name if name else root / page
        assert file.exists(), target
        assert not anchor or anchor in anchors(text_of(file)), target


TOP_FOLDERS = "workshop_kit|workshop_room|workshop_dev|container_audit|tests|images|exercises|solutions|notebooks|docs"
PATH = re.compile(rf"`((?:{TOP_FOLDERS})/[\w./-]+)`")
EXAMPLES = re.compile(r"NN_lesson|07_network|/network\.py|alive\.py|monitoring_probe\.py")


@pytest.mark.parametrize("page", [page for page in PAGES if page.endswith(".md")])
def test_files_and_modules_exist(root: Path, page: str) -> None:
    """Of what a page names from the top of the repository; not the files of an example that a guide makes."""
    paths = [path for path in PATH.findall((root / page).read_text()) if not EXAMPLES.search(path)]
    missing = [path for path in paths if not _is_there(root, path)]
    assert missing == []


def _is_there(root: Path, path: str) -> bool:
    """Whether it is a file, a folder or a module."""
    return (root / path).exists() or (root / f"{path}.py").exists()


def test_what_lessons_link_to_is_in_a_workspace(root: Path) -> None:
    """A notebook is read beside other files there than in the checkout."""
    texts = [text_of(path) for path in sorted(root.glob("notebooks/*.ipynb"))]
    targets = {target for text in texts for target in re.findall(r"\]\(\.\./([^)#\s]+)", text)}
    assert targets <= set(LINKED)


def text_of(path: Path) -> str:
    """What a page says, without its code blocks; of a notebook, its texts."""
    if path.suffix != ".ipynb":
        return re.sub(r"^(```+)\w*\n.*?^\1$", "", path.read_text(), flags=re.MULTILINE | re.DOTALL)
    cells = json.loads(path.read_text())["cells"]
    return "\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "markdown")


def anchors(text: str) -> set[str]:
    """The anchors of a page's headings, as they are made for the web."""
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_the_page_of_commands_lists_every_command(root: Path) -> None:
    """docs/commands.md has them all."""
    table = (root / "docs" / "commands.md").read_text()
    missing = [name for name in COMMANDS if not re.search(rf"[`\s]{name}\b", table)]
    assert missing == []


def test_the_page_of_performance_is_of_the_kept_rows(root: Path) -> None:
    """``./workshop build`` writes it; ``./workshop bench --report`` measures, too."""
    assert (root / generated.PERFORMANCE).read_text() == generated.performance_page(root)


def test_the_weeks_of_a_course_have_every_exercise_once_and_all_minutes(root: Path) -> None:
    """A core exercise is handed in, any other is for home; each stands beside its lesson, and no class is too long."""
    assert (root / generated.TEACHING).read_text() == generated.teaching_page(root)
    rows = weeks(root)
    in_files = [exercise for exercise in exercise_list.load(root) if exercise.file]
    for weight, texts in (("core", [row.handed_in for row in rows]), ("more", [row.more for row in rows])):
        names = re.findall(r"`(\w+\.\w+)`", " ".join(texts))
        assert sorted(names) == sorted(exercise.id for exercise in in_files if exercise.weight == weight)

    course = load_course(root)
    minutes = [row.minutes for row in rows]
    assert sum(minutes) == sum(course.minutes(lesson, "full") for lesson in course.names("full"))
    assert max(minutes) <= MINUTES
