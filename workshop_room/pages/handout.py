"""Pages to print for a track: an abstract, a handout for participants, and a pre-flight card for each platform.

All texts come from the notebooks, exercises.toml, README.md, docs/platforms.md and the table of commands.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.token import Token
from markupsafe import Markup

from workshop_kit.display.rendered import template
from workshop_kit.errors import WorkshopError
from workshop_kit.files import write_atomically
from workshop_kit.workspace.course import Course, LessonTime, find_track, load_course
from workshop_room.pages.outline import load_outline

HERE = Path(__file__).parent
README = "README.md"
PLATFORMS = "docs/platforms.md"
IDEAS = 10
ABSTRACT_WORDS = 100
ON_THE_DAY = ("start", "check", "hint", "watch", "goto", "reset", "doctor", "down")
AT_HOME = ("status", "update", "audit")
"""The commands on the handout, whose summaries the command line has."""
PLACE_FOR_ADDRESS = "______________________________"
_SECTION = re.compile(r"^## (.+)\n", re.MULTILINE)
_SENTENCE_END = re.compile(r"(?<=[.!?])\s+(?=[A-Z])")
_LINK_ASIDE = re.compile(r" \(\[[^\]]*\]\([^)]*\)\)")
"""A link in parentheses: on paper it leads nowhere."""
_EMPHASIS = re.compile(r"\*\*(.+?)\*\*")


@dataclass(frozen=True)
class PrintedPage:
    """A page that prints on one sheet: the name of its file, and its HTML."""

    name: str
    html: str

    def write(self, folder: Path) -> Path:
        """Write the page into ``folder`` and return its path. Raises NotReady where it cannot be written."""
        path = folder / self.name
        write_atomically(path, self.html.encode())
        return path


def load_pages(track: str, root: Path, summaries: Mapping[str, str], address: str = "") -> list[PrintedPage]:
    """Return the pages of a track of the checkout ``root``.

    ``summaries`` says what each command does, ``address`` where the repository is.
    Raises WrongUsage for an unknown track, WorkshopError where a text is missing.
    """
    texts = HandoutTexts(load_course(root), find_track(track), root)
    shared: dict[str, Any] = {
        "texts": texts,
        "address": address or PLACE_FOR_ADDRESS,
        "summaries": summaries,
        "style": Markup((HERE / "handout.css").read_text(encoding="utf-8")),  # noqa: S704 - it is ours
    }
    pages = [
        PrintedPage("abstract.html", _render("abstract", shared)),
        PrintedPage("handout.html", _render("participant", {**shared, "day": ON_THE_DAY, "home": AT_HOME})),
    ]

    for platform, text in texts.platforms.items():
        name = re.sub(r"[^a-z0-9]+", "-", platform.lower()).strip("-")
        values = {**shared, "platform": platform, "text": as_html(text)}
        pages.append(PrintedPage(f"preflight-{name}.html", _render("preflight", values)))

    return pages


def _render(name: str, values: dict[str, Any]) -> str:
    """Return the HTML of the template ``handout_NAME.html`` with the values filled in."""
    return template(HERE / f"handout_{name}.html").render(values)


class HandoutTexts:
    """The texts of a track, taken from where they are written. Raises WorkshopError where one is missing."""

    def __init__(self, course: Course, track: str, root: Path) -> None:
        self.track = course.tracks[track]
        self.lessons = [lesson for lesson in course.lessons if lesson.minutes.get(track)]
        self.opened = course.names(track)
        self._outlines = {name: load_outline(name, root, course.kept_cells(name, track)) for name in self.opened}
        self._readme = (root / README).read_text(encoding="utf-8")
        self._platforms = (root / PLATFORMS).read_text(encoding="utf-8")

    @property
    def title(self) -> str:
        """The title of the workshop."""
        first_line, _, _ = self._readme.partition("\n")
        return first_line.removeprefix("# ")

    @property
    def duration(self) -> str:
        """The track's minutes in words."""
        return in_hours(self.track.total)

    @property
    def abstract(self) -> Markup:
        """About `ABSTRACT_WORDS` words: what the workshop is, and what people can do afterwards."""
        text_before_sections = _SECTION.split(self._readme)[0]
        _, _, text_below_title = text_before_sections.partition("\n")
        introduction = _first_paragraph(text_below_title, "below its title")
        goals = self._choose_goals(ABSTRACT_WORDS - len(introduction.split()))
        return inline(f"{introduction} Afterwards you can {join_words(goals)}.")

    @property
    def audience(self) -> Markup:
        """Whom the workshop is for: the first item of README's list."""
        heading = "For whom"
        lines = self._require_section(heading).splitlines()
        items = [line.removeprefix("- ") for line in lines if line.startswith("- ")]
        if not items:
            raise _missing_error("list", f"in its section {heading!r}")
        return inline(_EMPHASIS.sub(r"\1", items[0]))

    @property
    def laptop(self) -> Markup:
        """What a laptop has to have: the first sentence of README's section."""
        paragraph = self._section_paragraph("What you need")
        text = _LINK_ASIDE.sub("", paragraph)
        return inline(first_sentence(text))

    @property
    def source(self) -> Markup:
        """Where the curriculum comes from."""
        paragraph = self._section_paragraph("Where it comes from")
        return inline(first_sentence(paragraph))

    @property
    def ideas(self) -> list[Markup]:
        """Ten key points in the order of the lessons.

        The first key point of each lesson is chosen before the second of any, and so on.
        """
        outlines = [self._outlines[name] for name in self.opened]
        points_by_rank: list[str] = []
        for points in zip_longest(*(outline.key_points for outline in outlines)):
            points_by_rank += [point for point in points if point]
        chosen_points = set(points_by_rank[:IDEAS])

        points_by_lesson = [point for outline in outlines for point in outline.key_points]
        return [inline(point) for point in points_by_lesson if point in chosen_points]

    @property
    def homework(self) -> list[tuple[str, Markup]]:
        """The title of each lesson, and the first sentence of its homework."""
        rows = []
        for lesson in self.lessons:
            task = first_sentence(self._outlines[lesson.name].homework)
            if task:
                rows.append((lesson.title, inline(task[0].upper() + task[1:])))
        return rows

    @property
    def platforms(self) -> dict[str, str]:
        """The sections of docs/platforms.md by their heading, as Markdown."""
        return dict(_sections(self._platforms))

    def _choose_goals(self, words: int) -> list[str]:
        """Return the first goals of as many lessons as fit into so many ``words``, in the order of the lessons.

        The lessons with the most minutes are chosen first.
        """
        first_goals: dict[str, str] = {}
        for lesson in self.lessons:
            goals = self._outlines[lesson.name].goals
            if goals:
                first_goals[lesson.name] = goals[0]

        longest_lessons = sorted(self.lessons, key=_most_minutes, reverse=True)
        chosen_goals = set[str]()
        words_left = words
        for lesson in longest_lessons:
            goal = first_goals.get(lesson.name)
            if goal is None:
                continue
            goal_words = len(goal.split())
            if goal_words <= words_left:
                chosen_goals.add(goal)
                words_left -= goal_words

        return [goal for goal in first_goals.values() if goal in chosen_goals]

    def _section_paragraph(self, heading: str) -> str:
        """Return the first paragraph of a section of README. Raises WorkshopError if one of the two is missing."""
        return _first_paragraph(self._require_section(heading), f"in its section {heading!r}")

    def _require_section(self, heading: str) -> str:
        """Return the text of a section of README. Raises WorkshopError if it is missing or empty."""
        text = dict(_sections(self._readme)).get(heading, "")
        if not text:
            raise _missing_error("section", repr(heading))
        return text


def _most_minutes(lesson: LessonTime) -> int:
    """Return the most minutes that a track gives to a lesson."""
    return max(lesson.minutes.values())


def first_sentence(text: str) -> str:
    """Return the first sentence of a paragraph.

    >>> first_sentence("Python 3.11 or newer. On macOS, more.")
    'Python 3.11 or newer.'
    """
    sentences = _SENTENCE_END.split(text)
    return sentences[0]


def in_hours(minutes: int) -> str:
    """Return minutes in words.

    >>> in_hours(90), in_hours(210), in_hours(121)
    ('90 minutes', '3 hours 30 minutes', '2 hours 1 minute')
    """
    if minutes < 120:
        return f"{minutes} minutes"
    hours = f"{minutes // 60} hours"
    remaining_minutes = minutes % 60
    if not remaining_minutes:
        return hours
    plural = "" if remaining_minutes == 1 else "s"
    return f"{hours} {remaining_minutes} minute{plural}"


def join_words(parts: list[str]) -> str:
    """Return parts as an enumeration; semicolons separate them where one has a comma or an "and".

    >>> join_words(["run", "stop", "limit"]), join_words(["run, stop", "limit"])
    ('run, stop and limit', 'run, stop; and limit')
    """
    if len(parts) < 2:
        return "".join(parts)
    needs_semicolons = any("," in part or " and " in part for part in parts)
    if needs_semicolons:
        return "; ".join(parts[:-1]) + "; and " + parts[-1]
    return ", ".join(parts[:-1]) + " and " + parts[-1]


def inline(text: str) -> Markup:
    """Return one paragraph of Markdown as HTML; links are their text."""
    renderer = MarkdownIt("commonmark", {"html": False})
    [block] = renderer.parseInline(text)
    _drop_links(block)
    return Markup(renderer.renderer.render([block], renderer.options, {}))  # noqa: S704 - it escapes HTML


def as_html(text: str) -> Markup:
    """Return Markdown as HTML for paper: links are their text."""
    renderer = MarkdownIt("commonmark", {"html": False}).enable("table")
    tokens = renderer.parse(text)
    for token in tokens:
        _drop_links(token)
    return Markup(renderer.renderer.render(tokens, renderer.options, {}))  # noqa: S704 - it escapes HTML


def _drop_links(token: Token) -> None:
    """Remove the links in a token of Markdown; their texts stay."""
    if token.children is not None:
        token.children = [child for child in token.children if child.type not in {"link_open", "link_close"}]


def _sections(text: str) -> Iterator[tuple[str, str]]:
    """Yield heading and text of each section of a page."""
    _, *parts = _SECTION.split(text)  # what stands before the first heading; then heading, text, heading, text, …
    headings = parts[::2]
    section_texts = parts[1::2]
    yield from zip(headings, section_texts, strict=True)


def _first_paragraph(text: str, place: str) -> str:
    """Return the first paragraph of a text of README; ``place`` says where. Raises WorkshopError if there is none."""
    first_part, _, _ = text.strip().partition("\n\n")
    if not first_part:
        raise _missing_error("paragraph", place)
    return first_part


def _missing_error(part: str, place: str) -> WorkshopError:
    """Return the error for a part that README lacks: a section, or a paragraph or a list in one."""
    return WorkshopError(f"{README} has no {part} {place}.", "The handouts take their words from it.")
