"""Pages to print: made from lessons, tracks and guides, whole without a network, about a hundred words of abstract."""

from __future__ import annotations

import re
from html import unescape
from pathlib import Path

import pytest

from workshop_kit.commands import COMMANDS
from workshop_kit.errors import NotReady, WorkshopError
from workshop_kit.paths import CHECKOUT
from workshop_kit.workspace import summary
from workshop_kit.workspace.course import TRACKS, load_course
from workshop_room.pages.handout import IDEAS, load_pages
from workshop_room.pages.outline import Outline, load_outline

COURSE = load_course(CHECKOUT)
ADDRESS = "https://git.example.com/workshop.git"
SUMMARIES = {name: command.summary for name, command in COMMANDS.items()}


def html_of(track: str) -> dict[str, str]:
    """Return the pages of a track by the names of their files."""
    return {page.name: page.html for page in load_pages(track, CHECKOUT, SUMMARIES, ADDRESS)}


def outline_of(lesson: str, track: str) -> Outline:
    """Return what a lesson promises and leaves on a track."""
    return load_outline(lesson, CHECKOUT, COURSE.kept_cells(lesson, track))


def text_of(html: str) -> str:
    """Return a page's text without tags and line ends."""
    return " ".join(unescape(re.sub(r"<[^>]+>", "", html)).split())


def plain(markdown: str) -> str:
    """Return a line of Markdown without marks."""
    return re.sub(r"[*`]", "", markdown)


@pytest.mark.parametrize("track", TRACKS)
def test_an_abstract_has_a_hundred_words_and_each_of_the_three_subjects(track: str) -> None:
    """Organizers ask for a hundred; among its goals is one of configuration, one of logging, one of monitoring."""
    html = html_of(track)["abstract.html"]
    match = re.search(r'<p id="abstract">(.+?)</p>', html, re.DOTALL)
    assert match
    abstract = text_of(match[1])
    assert 80 <= len(abstract.split()) <= 110
    for lesson in ("02_configuration", "03_logging", "04_monitoring"):
        goals = outline_of(lesson, track).goals
        assert any(plain(goal) in abstract for goal in goals), lesson
    page = text_of(html)
    assert "For whom You write or run services" in page
    assert "Python 3.11 or newer" in page
    assert f"git clone {ADDRESS} workshop" in page


@pytest.mark.parametrize("track", TRACKS)
def test_an_abstract_has_the_lessons_of_its_track_with_their_minutes(track: str) -> None:
    """As exercises.toml has them, and no other."""
    rows = re.findall(r'<tr><td>(.+)</td><td class="minutes">(\d+) min</td></tr>', html_of(track)["abstract.html"])
    lessons = [
        (course_lesson.title, course_lesson.minutes[track])
        for course_lesson in COURSE.lessons
        if track in course_lesson.minutes
    ]
    assert [(unescape(title), int(minutes)) for title, minutes in rows] == lessons


@pytest.mark.parametrize("track", TRACKS)
def test_a_handout_has_ten_ideas_the_homework_and_the_commands(track: str) -> None:
    """Ideas are key points of the track's lessons, one of each at least; commands have the words of their table."""
    html = html_of(track)["handout.html"]
    match = re.search(r'<ol id="ideas">(.+?)</ol>', html, re.DOTALL)
    assert match
    ideas = {text_of(idea) for idea in re.findall(r"<li>(.+?)</li>", match[1])}
    assert len(ideas) == IDEAS
    points = {name: set(map(plain, outline_of(name, track).key_points)) for name in COURSE.names(track)}
    assert all(ideas & some for some in points.values())
    assert ideas <= set().union(*points.values())
    rows = re.findall(r"<code>\./workshop (\w+)</code></td><td>(.+)</td>", html)
    assert [unescape(summary) for _, summary in rows] == [SUMMARIES[name] for name, _ in rows]
    assert {"start", "doctor", "down", "audit"} <= {name for name, _ in rows}
    tasks = [text_of(task) for task in re.findall(r"<tr><td>[^<]+</td><td>(.+)</td></tr>", html)]
    for lesson in (course_lesson.name for course_lesson in COURSE.lessons if track in course_lesson.minutes):
        homework = plain(outline_of(lesson, track).homework).lower()
        assert any(homework.startswith(task.lower()) for task in tasks), lesson


@pytest.mark.parametrize("track", TRACKS)
def test_no_page_says_what_its_track_folds(track: str) -> None:
    """A goal, a key point or homework without whose cells it is not true: participants of the track do not get there.

    Ninety minutes fold some of each.
    """
    folded = []
    for lesson in COURSE.names(track):
        lines = summary.load(CHECKOUT, lesson)
        assert lines is not None
        kept = COURSE.kept_cells(lesson, track)
        choices = (*lines.goals, *lines.key_points, *lines.homework)
        all_lines = [line for choice in choices for line in choice]
        folded += [plain(line.text) for line in all_lines if not kept.issuperset(line.cells)]
    assert bool(folded) is (track != "full")
    html = html_of(track)
    pages_text = (text_of(html["abstract.html"]) + text_of(html["handout.html"])).lower()
    assert [text for text in folded if text.lower() in pages_text] == []


def test_each_platform_has_a_card_with_its_section() -> None:
    """A heading of docs/platforms.md is a card; its last words stand on it."""
    headings = re.findall(r"^## (.+)$", (CHECKOUT / "docs" / "platforms.md").read_text(), re.MULTILINE)
    cards = {name: html for name, html in html_of("full").items() if name.startswith("preflight-")}
    titles = [f"Before the workshop: {heading}" for heading in headings]
    assert [unescape(re.findall("<h1>(.+)</h1>", html)[0]) for html in cards.values()] == titles
    assert "systemd=true" in cards["preflight-windows-with-wsl2.html"]
    assert "rdctl set" in cards["preflight-mac-with-apple-silicon.html"]


def test_pages_need_nothing_but_themselves() -> None:
    """No link, no script, no file beside them; what is typed as an address is text."""
    pages = load_pages("90min", CHECKOUT, SUMMARIES, '"><img src=x>')
    for page in pages:
        assert not re.search(r"(?:src|href)=[\"']|@import|<script|<img", page.html), page.name
        assert "](" not in page.html
    assert any("&lt;img src=x&gt;" in page.html for page in pages)


README = """# Shop

Run a shop.

## For whom

- You write services.

## What you need

Python.

## Where it comes from

A course.
"""


@pytest.mark.parametrize(
    ("lines", "says"),
    [
        ("Run a shop.", "no paragraph below its title"),
        ("- You write services.", "no list in its section 'For whom'"),
        ("Python.", "no paragraph in its section 'What you need'"),
        ("A course.", "no paragraph in its section 'Where it comes from'"),
        ("## What you need", "no section 'What you need'"),
    ],
)
def test_a_text_that_readme_lacks_is_one_sentence(tmp_path: Path, lines: str, says: str) -> None:
    """It names the section, and what is missing in it: the paragraph, the list, or all of it."""
    for name in ("docs", "exercises", "notebooks"):
        (tmp_path / name).symlink_to(CHECKOUT / name)
    readme = tmp_path / "README.md"
    readme.write_text(README)
    assert load_pages("90min", tmp_path, SUMMARIES)
    readme.write_text(README.replace(f"{lines}\n", ""))
    with pytest.raises(WorkshopError) as caught:
        load_pages("90min", tmp_path, SUMMARIES)
    assert caught.value.what == f"README.md has {says}."


def test_a_folder_that_is_none_is_one_sentence(tmp_path: Path) -> None:
    """It names the place."""
    (tmp_path / "out").write_text("in the way")
    with pytest.raises(NotReady, match="in the way"):
        load_pages("90min", CHECKOUT, SUMMARIES)[0].write(tmp_path / "out")
